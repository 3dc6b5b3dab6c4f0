"""Machine code to instructions of the shapes that are allowed. Decoding is capstone's."""

import functools
import re
from dataclasses import dataclass

import capstone

SHAPES = {
    "load local": r"ldr (r[0-7]), \[sp(?:, #(\w+))?\]",
    "store local": r"str (r[0-7]), \[sp(?:, #(\w+))?\]",
    "address of local": r"add (r[0-7]), sp, #(\w+)",
    "load": r"ldr(?:\.w)? (r[0-7]), \[(r[0-7])(?:, #(\w+))?\]",
    "load qstr": r"ldrh(?:\.w)? (r[0-7]), \[(r[0-7])(?:, #(\w+))?\]",
    "store to cell": r"str (r[0-7]), \[(r[0-7]), #4\]",
    "copy": r"mov (r[0-7]), (r[0-7])",
    "set": r"mov[sw] (r[0-7]), #(\w+)",
    "set upper half": r"movt (r[0-7]), #(\w+)",
    "clear": r"eors (r[0-7]), \1",
    "extend": r"sxth (r[0-7]), \1",
    "address of code": r"add (r[0-7]), pc",
    "compute": r"(?:ands|orrs|eors|lsls|lsrs|asrs) (r[0-7]), (r[0-7])",
    "multiply": r"muls (r[0-7]), (r[0-7]), \1",
    "add": r"(?:adds|subs) (r[0-7]), (r[0-7]), (r[0-7])",
    "invert": r"(?:mvns (r[0-7]), \1|rsbs (r[0-7]), \2, #0)",
    "compare with 0": r"cmp (r[0-7]), #0",
    "compare": r"cmp (r[0-7]), (r[0-7])",
    "branch": r"b(?:\.w)? #(\w+)",
    "branch if equal": r"beq(?:\.w)? #(\w+)",
    "branch if not": r"bne(?:\.w)? #(\w+)",
    "jump": r"bx (r[0-7])",
    "call": r"blx (r[0-7])",
}
"""The instructions that are accepted, as the disassembler writes them. Three more shapes are several instructions,
into which no branch can lead: `enter` (push, sub), `leave` (add, pop), and `choose`, one of two constants after a
comparison (ite, mov, mov)."""

_SHAPES = {name: re.compile(pattern) for name, pattern in SHAPES.items()}
_PUSH = re.compile(r"push \{(r1, (?:r2, r3, )?)r4, r5, r6, r7, lr\}")
_POP = re.compile(r"pop \{(r1, (?:r2, r3, )?)r4, r5, r6, r7, pc\}")
_TAKE = re.compile(r"sub(?:w|\.w)? sp, (?:sp, )?#(\w+)")
_GIVE = re.compile(r"add(?:w|\.w)? sp, (?:sp, )?#(\w+)")
_CHOOSE = re.compile(r"ite (\w\w)")
_CHOSEN = re.compile(r"mov(\w\w) (r[0-7]), #(\w+)")
_OPPOSITES = ("eqne", "neeq", "gtle", "legt", "ltge", "gelt")

_DISASSEMBLER = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)


class Refused(Exception):
    """Code that does something else than it may."""

    def __init__(self, address: int, text: str, reason: str) -> None:
        super().__init__(f"0x{address:08x}: `{text}` {reason}")


@dataclass(frozen=True)
class Instruction:
    """One instruction, or those of one shape together."""

    address: int
    after: int
    text: str
    shape: str
    operands: tuple[int, ...] = ()  # numbers of registers, and constants


def decode(code: bytes, start: int) -> dict[int, Instruction]:
    """The instructions of a function, by address: nothing else lies between its start and its end."""
    lines = [(at, size, f"{name} {text}") for at, size, name, text in _DISASSEMBLER.disasm_lite(code, start)]
    end = lines[-1][0] + lines[-1][1] if lines else start
    if end != start + len(code):
        raise Refused(end, code[end - start : end - start + 4].hex(" "), "is not an instruction")
    found: dict[int, Instruction] = {}
    i = 0
    while i < len(lines):
        address, _, text = lines[i]
        known = recognise(*(line[2] for line in lines[i : i + 3]))
        if known is None:
            raise Refused(address, text.strip(), "has none of the allowed shapes")
        used, shape, operands = known
        # Bits of bx and blx that are to be 0; the disassembler does not look at them, and what processors do differs.
        if shape in ("jump", "call") and code[address - start] & 7:
            raise Refused(address, text.strip(), "has bits set that are to be 0")
        i += used
        last, size, _ = lines[i - 1]
        text = "; ".join(line[2].strip() for line in lines[i - used : i])
        found[address] = Instruction(address, last + size, text, shape, operands)
    return found


@functools.cache
def recognise(text: str, *following: str) -> tuple[int, str, tuple[int, ...]] | None:
    """How many of these instructions have which shape, with which operands."""
    if (found := _PUSH.fullmatch(text)) is not None:
        take = _TAKE.fullmatch(following[0]) if following else None
        return (2 if take else 1), "enter", (found[1].count("r"), int(take[1], 0) if take else 0)
    if (found := _POP.fullmatch(text)) is not None:
        return 1, "leave", (found[1].count("r"), 0)
    if (give := _GIVE.fullmatch(text)) is not None and following and (found := _POP.fullmatch(following[0])):
        return 2, "leave", (found[1].count("r"), int(give[1], 0))
    if (found := _CHOOSE.fullmatch(text)) is not None and len(following) == 2:
        yes, no = (_CHOSEN.fullmatch(line) for line in following)
        if yes and no and yes[1] == found[1] and yes[1] + no[1] in _OPPOSITES and yes[2] == no[2]:
            return 3, "choose", (int(yes[2][1:]), int(yes[3], 0), int(no[3], 0))
    for name, shape in _SHAPES.items():
        if (found := shape.fullmatch(text)) is not None:
            parts = [part or "0" for part in found.groups()] if name != "invert" else [found[1] or found[2]]
            return 1, name, tuple(int(part[1:] if part[0] == "r" else part, 0) for part in parts)
    return None
