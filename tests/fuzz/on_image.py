"""Generated capsules in the real image, in QEMU: many a kernel, some of them wired at each boot, beside witnesses.

Each kernel holds MODULES modules, which both verifiers have accepted. A boot wires some of them: bytes of the image say
which, and are changed for each boot. An app then gives every capsule commands with extreme arguments. Afterwards these
are looked at: all memory around what the kernel and the processes have (filled with a pattern before), the kernel's and
the apps' flash, what two other apps say, and how long the longest command took on the board's own clock.
"""

import re
import sys
import time
from collections.abc import Callable, Container, Sequence
from pathlib import Path

from board_files import CAPSULES, HERE, write_board
from elftools.elf.elffile import ELFFile
from fuzzing import add_run
from grammar import Program, make
from kernels import UNVERIFIED, build_kernel, write
from tally import Tally

from adder.apps.elf_to_tbf import Options, elf_to_tbf
from adder.apps.python_app import build as build_app
from adder.board import ROOT
from adder.build import configure
from adder.build.freeze import Freezer
from adder.errors import AdderError
from adder.image.flash_image import FlashImage, read_app_file
from adder.run.simulate import ExpectTimeout, Simulation, SimulationError
from adder.verify import verify_module
from adder.verify_image import Verifier
from adder.verify_image.image import Image

FOLDER = ROOT / "build" / "fuzz-image"
OPTIONS = (
    "WIRED=n",
    "KERNEL_HEAP_KB=128",
    "MAX_PROCESSES=6",
    "MAX_CAPSULES=80",
    "MAX_DRIVERS=64",
    "PROCESS_EXTRA_RAM=8192",
)
"""The last for the app that calls: it has a grant with each of the capsules."""
MODULES = 192  # what every kernel costs is shared by so many
AT_ONCE = 16  # modules that a boot wires: more would take more than the heap
MARK = b"the chosen programs: "
LONGEST = 1000
"""Milliseconds of a command: its own time budget, and those of the others that it may call back."""

GUARDS = ((0x20000000, 0x20010000), (0x20090000, 0x20100000))
"""Memory that nobody has: below the kernel's stack, and behind the processes' RAM."""
PATTERN = 0xA5
APP_FLASH = 0x70000

DRIVER = """
import syscall
import time
import random
random.seed(SEED)
WORDS = (0, 1, 2, 3, 7, 31, 32, 64, 255, 4096, 0xFFFFFF, 0x3FFFFFFF, 0x40000000, 0x7FFFFFFF, 0x80000000,
    0xFFFFFFF0, 0xFFFFFFFF)
def word():
    return random.choice(WORDS) if random.random() < 0.7 else random.randrange(100)
def attempt(function, *arguments):
    try:
        return function(*arguments)
    except (syscall.SyscallError, ValueError):
        return None
def come(a, b, c):
    pass
own, more, kept = bytearray(64), bytearray(100), b"a constant of the program, in its flash, of which 64 bytes are lent."
def lend(driver):
    for number in range(2):
        attempt(syscall.allow_rw, driver, number, own)
        attempt(syscall.allow_ro, driver, number, kept)
        attempt(syscall.allow_readable, driver, number, more)
        attempt(syscall.subscribe, driver, number, come)
print("driver: begins")  # with the console's grant, before those of the capsules take the memory
time.sleep_ms(200)
longest = 0
for round in range(ROUNDS):
    for driver in range(0xF0000, 0xF0000 + COUNT):
        if round == 0:
            lend(driver)
        for _ in range(3):
            began = time.ticks_ms()
            attempt(syscall.command, driver, random.randrange(5), word(), word())
            took = time.ticks_diff(time.ticks_ms(), began)
            if took > longest:
                longest = took
                if took > 400:
                    print("driver: program %d took %d ms" % (driver - 0xF0000, took))
        for _ in range(4):
            syscall.yield_no_wait()
    time.sleep_ms(5)
print("driver: done", longest)
while True:
    time.sleep_ms(10000)
"""

WITNESS = """
import syscall
import time
pattern, same = bytearray(b"\\xa5" * 3000), bytearray(b"\\xa5" * 3000)
turn = 0
while True:
    began = time.ticks_ms()
    time.sleep_ms(500)
    late = time.ticks_diff(time.ticks_ms(), began)
    turn += 1
    broken = syscall.command(0xBAD001, 1)
    print("witness: turn %d: %s, victim %d, %d ms" % (turn, "well" if pattern == same else "ROBBED", broken, late))
"""


def memory() -> str:
    """QEMU's memory, with more of what it has than an nRF52840, and room for guards below the kernel's stack.

    No name in it changes: MicroPython's objects, which know them all, are taken over from the kernel in build/.
    """
    text = (ROOT / "boards" / "qemu" / "memory.toml").read_text()
    for old, new in (
        (
            "kernel_flash = { start = 0x00000000, size = 0x80000 }",
            "kernel_flash = { start = 0x00000000, size = 0x300000 }",
        ),
        (
            "ram          = { start = 0x20000000, size = 0x40000 }",
            "ram          = { start = 0x20010000, size = 0x80000 }",
        ),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def modules_of(first: int, count: int, long: bool, without: Container[str]) -> tuple[list[int], list[Program], int]:
    """The programs of these seeds that the first verifier accepts; and how many it does not."""
    seeds, programs = [], []
    refused = 0
    known = {"capsules.fuzz.powers": (HERE / "powers.py", (HERE / "powers.py").read_text())}
    for seed in range(first, first + count):
        program = make(seed, long=long and seed % 4 == 0, alone=True)
        name = f"capsules.fuzz.m{len(programs)}"
        found = verify_module({**known, name: (Path("m.py"), program.text)}, name, program.words.split())
        if any(finding.rule not in without for finding in found):
            refused += 1
            continue
        seeds.append(seed)
        programs.append(program)
    return seeds, programs, refused


class Kernel:
    """A kernel with programs in it."""

    def __init__(self, seeds: Sequence[int], programs: Sequence[Program], folder: Path = FOLDER) -> None:
        self.seeds = seeds
        self.folder = folder
        board = folder / "board"
        names = [f"m{i}" for i in range(MODULES)]
        lines = [f'chosen = b"{MARK.decode()}{"0" * MODULES}"', "def wire(number, name, make):"]
        lines += [
            "    grant = mint.grant(powers_of.FIRST_DRIVER + number, powers_of.LAYOUT)",
            "    powers = powers_of.Powers(grant, fuzz_registers, fuzz_hardware, fuzz_line, fuzz_alarm, fuzz_device, "
            "fuzz_flash, victim, processes, fuzz_cell)",
            "    mint.serve(name, grant, lambda grant: make(powers).command)",
            "wired = 0",
        ]
        for i, name in enumerate(names[: len(programs)]):
            lines += [f"if chosen[{len(MARK) + i}] == 49:", f"    from capsules.fuzz import {name}"]
            lines += [f'    wire(wired + {j}, "{name}_{j}", {name}.P{j})' for j in range(CAPSULES)]
            lines += [f"    wired += {CAPSULES}"]
        write_board(board, memory(), OPTIONS, "", "\n".join(lines))
        for name, program in zip(names, programs, strict=False):
            write(board / "capsules" / "fuzz" / f"{name}.py", program.text)
        emit = [f"capsules/fuzz/{name} = {program.emit}" for name, program in zip(names, programs, strict=False)]
        words = [f"capsules/fuzz/{name} = {p.words}" for name, p in zip(names, programs, strict=False) if p.words]
        write(board / "mpy-cross.cfg", "\n".join(["[emit]", *emit, "[words]", *words]) + "\n")
        self.compiled_ones = self.compiled(board, programs)
        self.elf = build_kernel(board, folder / "build", python=UNVERIFIED)
        self.taken = self.compiled_ones & self.verified()
        with self.elf.open("rb") as file:
            self.flash = [
                (s["p_paddr"], s.data())
                for s in ELFFile(file).iter_segments("PT_LOAD")
                if s["p_filesz"] and s["p_vaddr"] < 0x300000
            ]

    def compiled(self, board: Path, programs: Sequence[Program]) -> set[int]:
        """The modules that MicroPython's compiler takes; the others become empty ones, which no boot wires."""
        folder = self.folder / "build"
        configure.main([str(board), str(folder)])
        taken = set()
        for i in range(len(programs)):
            freezer = Freezer(str(board), folder)
            module = freezer.load(f"capsules.fuzz.m{i}")
            try:
                freezer.compile(f"capsules/fuzz/m{i}.py", module.path, freezer.emitter(module), freezer.prepare(module))
                taken.add(i)
            except AdderError:
                names = "".join(f"\n\nclass P{j}:\n    pass\n" for j in range(CAPSULES))
                write(module.path, f'"""It was not taken."""\n{names}')
                config = board / "mpy-cross.cfg"
                head, words = config.read_text().split("[words]\n")
                config.write_text(
                    f"{head}[words]\n" + re.sub(rf"^capsules/fuzz/m{i} = .*\n", "", words, flags=re.MULTILINE)
                )
        return taken

    def verified(self) -> set[int]:
        """The modules whose machine code the second verifier accepts. The others are those of any kernel."""
        image = Image(self.elf)
        good = set()
        for module in image.modules():
            found = re.search(r"capsules/fuzz/m(\d+)\.py", module.file)
            if found is None:
                continue
            try:
                Verifier(image).function(module, module.body, 0)
            except AdderError:
                continue
            good.add(int(found[1]))
        return good

    def module_of(self, seed: int) -> int:
        """Where the module of this seed is."""
        return self.seeds.index(seed)

    def boot(self, chosen: Sequence[int], rounds: int = 3, seed: int = 0, patience: float = 120) -> str:
        """Wire these modules and call their capsules; returns what is wrong, or nothing."""
        image = self.elf.read_bytes()
        at = image.index(MARK) + len(MARK)
        marks = b"".join(b"1" if i in chosen else b"0" for i in range(MODULES))
        kernel = self.folder / "chosen.elf"
        kernel.write_bytes(image[:at] + marks + image[at + MODULES :])
        flash = FlashImage(self.folder / "flash.img")
        flash.install([read_app_file(path) for path in self.apps(rounds, seed, CAPSULES * len(chosen))], only=True)
        before = flash.path.read_bytes()[:APP_FLASH]
        pattern = self.folder / "pattern.bin"
        options = []
        for i, (start, end) in enumerate(GUARDS):
            pattern.with_suffix(f".{i}").write_bytes(bytes([PATTERN]) * (end - start))
            options += ["-device", f"loader,file={pattern.with_suffix(f'.{i}')},addr={start:#x},force-raw=on"]
        with Simulation(kernel, flash.path, options=options) as board:
            return (
                self.watch(board, patience)
                or self.memory(board, image[at : at + MODULES], marks)
                or self.apps_flash(flash, before)
            )

    def watch(self, board: Simulation, patience: float) -> str:
        """What the console says that is wrong."""
        dead = "panicked|fault in the kernel"
        try:
            waiting = [
                r"driver: done \d+",
                *(r"witness: turn \d+: well, victim 0, \d+ ms", r"hello: hello, \d+ of") * 2,
            ]
            for line in waiting:
                if re.search(dead.encode(), board.expect(f"{line}|{dead}", timeout=patience)[0]):
                    break
        except (ExpectTimeout, SimulationError):
            # Without the exception's text: it has the words that were waited for, which nobody has said.
            return f"somebody is dead, and it is silent\n{board.transcript[-2500:]}"
        shown = board.transcript
        if wrong := re.search(r"panicked.*|fault in the kernel.*|ROBBED", shown):
            return f"{wrong[0]}\n{shown[-2500:]}"
        for program, took in re.findall(r"driver: program (\d+) took (\d+) ms", shown):
            if int(took) > LONGEST:
                return f"a command of program {program} took {took} ms"
        return ""

    def memory(self, board: Simulation, old: bytes, new: bytes) -> str:
        """What lies where nobody may write."""
        dump = self.folder / "memory.bin"
        for start, end in GUARDS:
            board.qmp("pmemsave", val=start, size=end - start, filename=str(dump))
            found = dump.read_bytes()
            if found != bytes([PATTERN]) * (end - start):
                place = next(i for i, byte in enumerate(found) if byte != PATTERN)
                return f"memory of nobody's was changed, at {start + place:#x}"
        for start, wanted in self.flash:
            board.qmp("pmemsave", val=start, size=len(wanted), filename=str(dump))
            if dump.read_bytes() != wanted.replace(MARK + old, MARK + new):
                return f"the kernel's flash was changed, behind {start:#x}"
        return ""

    def apps_flash(self, flash: FlashImage, before: bytes) -> str:
        """What became of the apps in flash."""
        return "" if flash.path.read_bytes()[:APP_FLASH] == before else "the apps' flash was changed"

    def apps(self, rounds: int, seed: int, count: int) -> list[Path]:
        """Two witnesses and the one that calls."""
        hello = self.folder / "hello.tbf"
        elf = (ROOT / "build" / "apps" / "hello.elf").read_bytes()
        hello.write_bytes(elf_to_tbf(elf, Options(name="hello", argument="100000")).encode())
        paths = [hello]
        driver = DRIVER.replace("SEED", str(seed)).replace("ROUNDS", str(rounds)).replace("COUNT", str(count))
        for name, text in (("witness", WITNESS), ("driver", driver)):
            source = self.folder / f"{name}.py"
            source.write_text(f'# /// script\n# [tool.adder]\n# name = "{name}"\n# ram = 24576\n# ///\n{text}')
            path = self.folder / f"{name}.tbf"
            path.write_bytes(build_app(source).tbf.encode())
            paths.append(path)
        return paths


def blame(kernel: Kernel, chosen: Sequence[int], rounds: int) -> list[int]:
    """The fewest modules with which it happens again, by halves."""
    while len(chosen) > 1:
        half = len(chosen) // 2
        part = next((p for p in (chosen[:half], chosen[half:]) if kernel.boot(p, rounds)), None)
        if part is None:
            break
        chosen = part
    return list(chosen)


def fuzz_image(
    first: int,
    count: int,
    seconds: float = 1e9,
    long: bool = True,
    without: Container[str] = (),
    folder: Path = FOLDER,
    rounds: int = 3,
    keep: Callable[[range, Tally], object] | None = None,
) -> Tally:
    """Run the programs of `count` seeds from `first` on, or as many as there is time for; `keep` each kernel's."""
    whole = Tally()
    end = time.monotonic() + seconds
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(first, first + count, MODULES):
        if time.monotonic() > end:
            break
        tally = Tally()
        all_seeds = range(start, min(start + MODULES, first + count))
        seeds, programs, refused = modules_of(start, len(all_seeds), long, without)
        kernel = Kernel(seeds, programs, folder)
        tally.refused += refused + len(programs) - len(kernel.taken)
        taken = sorted(kernel.taken)
        for i in range(0, len(taken), AT_ONCE):
            chosen = taken[i : i + AT_ONCE]
            if found := kernel.boot(chosen, rounds, start):
                guilty = blame(kernel, chosen, rounds)
                kind = re.sub(r"0x[0-9a-f]+|\d+", "N", found.splitlines()[0])
                tally.findings.append({"target": "image", "seeds": [seeds[j] for j in guilty], "kind": kind})
                print(f"seeds {[seeds[j] for j in guilty]}: {found}", file=sys.stderr)
            tally.programs += CAPSULES * len(chosen)
        whole.add(tally)
        if keep is not None:
            keep(all_seeds, tally)
    return whole


def keep_image(seeds: range, done: Tally) -> None:
    """Write a kernel's programs down for build/fuzz.json."""
    add_run("image", seeds.start, len(seeds), image_programs=done.programs, findings=done.findings)
