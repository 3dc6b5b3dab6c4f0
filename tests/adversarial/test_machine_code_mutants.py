"""The second verifier against a compiler that errs anywhere: each bit of real capsules' machine code is a place to err.

A mutant is one function of a kernel with one bit of an instruction flipped, or two instructions swapped. What the
verifier refuses cannot harm. What it accepts is judged twice, by judges that share nothing with it: by rules on the
instruction's text, for what must be refused whatever the rest does; and by running it in Unicorn between guards
(emulated.py), with a runtime that looks at all it is handed.
"""

import functools
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import capstone
import pytest
from compiled import functions
from emulated import Emulator
from fuzzing import record

from adder.verify_image import Code, kinds, verify_image
from adder.verify_image.decode import Refused
from adder.verify_image.machine import LARGEST_FRAME, STEPS, Machine

SAMPLE, ALL = 1500, 100_000
RUNS = 4
SEED = 20261127

DISASSEMBLER = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)

Line = tuple[int, int, str]
"""Address, size, text."""

# The kernels have few handlers in machine code, and no closures: these have. No path leads to the last lines of `ends`.
EXTRA = """
class C:
    def tries(self, uart, items, flag=True):
        total = 0
        for item in items:
            try:
                total += uart.read(item, flag=flag)
            except ValueError as error:
                total = -1
                uart.note(error)
            except Exception:
                continue
        return [n for n in items if n != total], [total for n in items]
    def nested(self, a, b):
        try:
            try:
                x = a(b)
            except IndexError:
                x = b(a)
        except TypeError:
            x = None
        p, q = a.pair(x)
        return p[q] if p < q else (p, q)
    def ends(self, a):
        try:
            return a(self)
        except TypeError:
            return None
"""


def lines(code: bytes, start: int) -> list[Line]:
    return [(at, size, f"{name} {text}".strip()) for at, size, name, text in DISASSEMBLER.disasm_lite(code, start)]


def extra_codes() -> list[Code]:
    return [code for code in functions(EXTRA) if code.name in ("tries", "<listcomp>", "nested", "ends")]


@pytest.fixture(scope="module")
def codes(unwired: Path, long: bool) -> list[Code]:
    found = list(verify_image(unwired).codes)
    if long and (other := unwired.parent.parent / "nrf52840" / unwired.name).is_file():
        found += verify_image(other).codes
    return found + extra_codes()


def mutants(codes: list[Code], count: int, chance: random.Random) -> Iterator[tuple[Code, bytes]]:
    """Bits in turn, beginning anywhere; every tenth mutant has two instructions swapped."""
    places = [(code, line) for code in codes for line in lines(code.bytes, code.start)]
    chance.shuffle(places)
    made = 0
    while True:
        for code, (address, size, _) in places:
            at = address - code.start
            if made % 10 == 9:
                after = code.bytes[at + size : at + size + 4]
                other = lines(after, 0)[:1]
                if not other:
                    continue
                length = other[0][1]
                new = code.bytes[:at] + after[:length] + code.bytes[at : at + size] + code.bytes[at + size + length :]
            else:
                bit = chance.randrange(8 * size)
                changed = bytearray(code.bytes)
                changed[at + bit // 8] ^= 1 << bit % 8
                new = bytes(changed)
            if new == code.bytes:
                continue
            yield code, new
            made += 1
            if made == count:
                return


def accepted(code: Code, new: bytes) -> bool:
    try:
        Code(code.name, code.start, new, code.around).verify()
    except Refused:
        return False
    return True


# -- The judge of texts -------------------------------------------------------

STORE = re.compile(r"(?:str|stm|push|vst|vpush|stc)\w*(?:\.w)? .*")
FRAME_STORE = re.compile(r"str r\d, \[sp(?:, #(\w+))?\]")
CELL_STORE = re.compile(r"str r\d, \[r[0-7], #4\]")
CONDITIONS = "eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le"
BRANCH = re.compile(rf"(?:b(?:{CONDITIONS})?(?:\.w)?|bl|cbz|cbnz) (?:r\d, )?#(0x\w+|\d+)")
INDIRECT = re.compile(r"(?:bx|blx|bxns|blxns|tbb|tbh) .*|(?:pop|ldm).*pc.*|(?:mov|ldr|add|sub)\w*(?:\.w)? pc.*")
STACK_POINTER = re.compile(r"(?:mov|add|sub|ldr)\w*(?:\.w)? sp,.*|.*sp!.*")
SYSTEM = re.compile(
    r"(?:svc|cps\w*|msr|mrs|bkpt|hlt|udf|wf[ie]|sev|dsb|dmb|isb|mcr\w*|mrc\w*|ldc\w*|stc\w*|cdp\w*|v\w+|ldrex\w*|strex\w*|yield|dbg)\b.*"
)
HIGH = re.compile(r"(?!push|pop|bl?x)\w+(?:\.w)? (?:r8|sb|r9|r10|sl|r11|fp|r12|ip|lr)\b.*")


@functools.cache
def texts(code: bytes, start: int) -> dict[int, str]:
    return {at: text for at, _, text in lines(code, start)}


def must_be_refused(code: Code, new: bytes) -> str | None:
    """Why no verifier may accept this mutant, whatever the rest of the function does; None if that is not sure."""
    before = texts(code.bytes, code.start)
    after = lines(new, code.start)
    starts = {at for at, _, _ in after}
    cells = code.around.closed or (code.around.prelude is not None and code.around.prelude.cells)
    if sum(size for _, size, _ in after) != len(new):
        return "no instruction"
    for at, _, text in after:
        if before.get(at) == text:
            continue
        if SYSTEM.fullmatch(text):
            return "system instruction"
        if STACK_POINTER.fullmatch(text) or text.startswith(("push", "pop")):
            return "frame"
        if (found := FRAME_STORE.fullmatch(text)) is not None:
            if int(found[1] or "0", 0) >= LARGEST_FRAME:
                return "frame"
        elif STORE.fullmatch(text) and not (cells and CELL_STORE.fullmatch(text)):
            return "base of a store"
        if (branch := BRANCH.fullmatch(text)) is not None and int(branch[1], 0) not in starts:
            return "branch out of its function"
        if text.startswith(("bl ", "cbz", "cbnz", "tb")):
            return "control flow"
        if INDIRECT.fullmatch(text) and not re.fullmatch(r"blx r[0-7]|bx r[0-7]", text):
            return "control flow"
        if HIGH.fullmatch(text):
            return "register"
    return None


# -- The tests ----------------------------------------------------------------


@pytest.mark.timeout(7200)
def test_every_mutant_is_refused_or_harmless(codes: list[Code], long: bool) -> None:
    chance = random.Random(SEED)
    count = ALL if long else SAMPLE
    refused, surely, broken = 0, 0, []
    emulators: dict[int, Emulator] = {}
    for code, new in mutants(codes, count, chance):
        reason = must_be_refused(code, new)
        surely += reason is not None
        if not accepted(code, new):
            refused += 1
            continue
        if reason is not None:
            broken.append(f"{code.name}: {reason}")
        if id(code) not in emulators:
            emulators[id(code)] = Emulator(code)
        starts = {at for at, _, _ in lines(new, code.start)}
        for _ in range(RUNS):
            problem = emulators[id(code)].run(new, starts, chance.getrandbits(32))
            if problem is not None:
                broken.append(f"{code.name}: {problem}")
    assert broken == []
    assert count > refused > surely > count // 10
    if long:
        run = count - refused
        record("machine code", mutants=count, mutants_refused=refused, mutants_surely_bad=surely, mutants_run=run)


def test_what_the_compiler_made_passes_the_judge(codes: list[Code]) -> None:
    """Otherwise the judge would not know what a function is."""
    ended = Counter[bool]()
    for code in codes:
        emulator = Emulator(code)
        starts = {at for at, _, _ in lines(code.bytes, code.start)}
        for seed in range(2):
            assert emulator.run(code.bytes, starts, seed) is None, code.name
            ended[emulator.now.calls > 0] += 1
    assert ended[True] > 0.9 * ended.total()


def test_each_bit_of_a_function_is_refused_that_must_be_where_no_path_leads_too() -> None:
    (code,) = (code for code in extra_codes() if code.name == "ends")
    for bit in range(8 * len(code.bytes)):
        changed = bytearray(code.bytes)
        changed[bit // 8] ^= 1 << bit % 8
        reason = must_be_refused(code, bytes(changed))
        assert reason is None or not accepted(code, bytes(changed)), f"bit {bit}: {reason}"


# A check of the verifier, with what stands in its place, and the functions of which a mutant will need it.
WITHOUT = {
    "writable": (lambda self, at, state, first, count: None, "tries"),
    "object": (lambda self, at, kind, where: None, "nested"),
    "leave": (lambda self, at, state: None, "nested"),
    "place": (lambda self, at, state, register, words: state.registers[register].number, "nested"),
    "load_qstr": (lambda self, at, state: state.put(at.operands[0], kinds.QSTR), "nested"),
}


@pytest.mark.parametrize("check", WITHOUT)
def test_the_judge_misses_a_check_that_is_taken_out(check, monkeypatch) -> None:
    """A verifier without one of its checks accepts mutants that break out, and the judge sees it."""
    without, name = WITHOUT[check]
    monkeypatch.setattr(Machine, check, without)
    shape = check.replace("_", " ")
    if shape in STEPS:
        monkeypatch.setitem(STEPS, shape, without)
    for code, new in mutants([code for code in extra_codes() if code.name == name], 20_000, random.Random(SEED)):
        try:
            good = accepted(code, new)
        except (IndexError, StopIteration):
            continue  # without the check it falls over
        if good:
            emulator = Emulator(code)
            starts = {at for at, _, _ in lines(new, code.start)}
            if any(emulator.run(new, starts, seed) is not None for seed in range(RUNS)):
                return
    pytest.fail("nothing was seen")
