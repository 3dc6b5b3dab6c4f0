"""The kernel runs out of memory: at each single allocation, with a heap that is too small, and slowly.

`heap_fails_after` in a copy of the kernel's image makes one allocation of its Python fail: the n-th after reset.
The apps use all drivers of the board and have to go on, for every n; so do the console, its input and the
kernel's log. The numbers below were counted on this board; when the kernel changes they move a little.
"""

import re
import shutil
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from kernels import build_variant

from adder.apps.elf_to_tbf import Options, elf_to_tbf
from adder.board import ROOT
from adder.image.flash_image import FlashImage, read_app_file
from adder.run.simulate import Simulation
from adder.symbols import Symbols

BUILD = ROOT / "build"
APPS = ("witness", "exits-terminate", "exits-restart", "faulty-read-kernel", "ping", "pong", "logger-py")
NEVER = 0xFFFFFFFF
AT_ONCE = 2  # boots side by side
QUIET = 30  # seconds of the board's: whoever says nothing for so long is dead
LAST_ROUND = 150  # of the witness: who has not gone on by then never will

# What has to be seen on the console, and how often: in all, and after the allocation has failed. Without a failure it
# takes some 400 allocations in all, and wiring takes none. By then the faulting app has been reported four times.
STEADY = {
    "witness": (r"witness: round \d+, typed \d+, refused 0\n", 13, 3),
    "exits-terminate": (r"exits: terminate 3\n", 5, 1),
    "exits-restart": (r"exits: restart 3\n", 8, 2),
    "faulty": (r"faulty: read-kernel\n", 6, 1),
    "ping": (r"ping: \d+ round trips, \d+ ms\n", 3, 1),
    "logger-py": (r"logger: .*, warmest [\d.]+\r\n", 3, 1),
}
KERNELS_LOG = "the kernel's log"
LOG = (r"LowLevelDebug: App 0x[0-9a-f]+ alert code 0x1\r\n", 13, 3)  # the kernel's, on behalf of the witness
ALLOCATIONS = 360
FRAIL = ("ping", "logger-py")  # they end when a call of theirs fails, or of pong's; the others try again

FATAL = r"panicked|fault in the kernel|WRONG|capsule \w+ is off"
OTHER_LINES = r"pong: ready\n|witness: [^\n]* gave \d+\n"  # of apps

# How a failure shows.
SIGNS = (
    r"the board could not be wired; trying again",
    r"kernel: capsule \w+ failed in .* \d+(?= \()",
    r"the kernel has no memory left to start it",
)

# What `make test` tries: some of all; each second one where the processes start and the apps make their first calls.
SAMPLE = (*range(0, 40, 2), *range(40, ALLOCATIONS, 8))


@dataclass
class Outcome:
    """What became of a boot in which the n-th allocation failed."""

    n: int
    reached: bool  # whether there were so many allocations
    fatal: list[str]
    dead: list[str]
    typing: bool  # whether what is typed arrives
    signs: list[str]
    transcript: str = field(repr=False)

    @property
    def good(self) -> bool:
        frail = len(self.dead) == 1 and self.dead[0] in FRAIL and any("in command" in sign for sign in self.signs)
        return self.reached and self.typing and not self.fatal and (not self.dead or frail)

    def __str__(self) -> str:
        problems = [*self.fatal, *(f"{name} is dead" for name in self.dead)]
        if not self.typing:
            problems.append("typing has no effect")
        if not self.reached:
            problems.append("it was never reached")
        return f"allocation {self.n}: {', '.join(problems) or 'all go on'}; {', '.join(self.signs) or 'silent'}"


class Injector:
    """Boots copies of the kernel in which one allocation fails."""

    def __init__(self, kernel: Path, folder: Path) -> None:
        self.kernel = kernel
        self.folder = folder
        self.variable = Symbols.read(kernel)["heap_fails_after"].address
        with kernel.open("rb") as file:
            segments = list(ELFFile(file).iter_segments("PT_LOAD"))
        [segment] = [s for s in segments if 0 <= self.variable - s["p_vaddr"] < s["p_filesz"]]
        self.offset = self.variable - segment["p_vaddr"] + segment["p_offset"]
        self.apps = [read_app_file(BUILD / "apps" / f"{app}.tbf") for app in APPS]

    def board(self, n: int) -> Simulation:
        copy = Path(shutil.copy(self.kernel, self.folder / f"fails-{n}.elf"))
        with copy.open("r+b") as file:
            file.seek(self.offset)
            file.write(struct.pack("<I", n))
        image = FlashImage(self.folder / f"fails-{n}.img")
        image.install(self.apps, only=True)
        return Simulation(copy, image.path)

    def left(self, board: Simulation) -> int:
        """How many allocations succeed before the one that fails; NEVER once it has failed."""
        return board.read_word(self.variable)

    def boot(self, n: int) -> Outcome:
        board = self.board(n)
        try:
            with board:
                dead = until_steady(board, lambda: self.left(board) == NEVER)
                alive = not {"all", "witness"} & set(dead)  # or there is nothing to do, and then QEMU may not answer
                typing = alive and types(board)
                reached = not alive or self.left(board) == NEVER
        finally:
            board.kernel.unlink()
            board.image.unlink()
        text = board.transcript
        return Outcome(n, reached, re.findall(FATAL, kernels(text)), dead, typing, signs(text), text)

    def boot_all(self, numbers: Sequence[int]) -> list[Outcome]:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self.boot, numbers))


def kernels(text: str) -> str:
    """What the kernel has said: lines of apps come between the pieces of its own."""
    return re.sub("|".join([*(pattern for pattern, _, _ in STEADY.values()), OTHER_LINES]), "", text)


def said(text: str) -> dict[str, int]:
    """How often each has said what it has to."""
    found = {name: len(re.findall(pattern, text)) for name, (pattern, _, _) in STEADY.items()}
    return {**found, KERNELS_LOG: len(re.findall(LOG[0], kernels(text)))}


def until_steady(board: Simulation, has_failed: Callable[[], bool] | None = None) -> list[str]:
    """Wait until all have said what they have to, or never will; returns those that have not.

    If something is to fail, that is what they say after it `has_failed`.
    """
    rows = {**STEADY, KERNELS_LOG: LOG}
    wanted = {name: in_all for name, (_, in_all, _) in rows.items()} if has_failed is None else None
    missing = ["all"]
    seen, changed = 0, board.time
    while missing and board.time < changed + QUIET and board.running:
        board.run(0.2)
        if len(board.raw) == seen:
            continue
        text = board.transcript
        seen, changed = len(board.raw), board.time
        count = said(text)
        if wanted is None and has_failed is not None and has_failed():
            wanted = {name: count[name] + after for name, (_, _, after) in rows.items()}
        missing = [name for name, times in wanted.items() if count[name] < times] if wanted is not None else ["all"]
        if re.search(FATAL, text) or f"witness: round {LAST_ROUND}," in text:
            break
    return missing


def types(board: Simulation) -> bool:
    """Whether the witness gets a byte that is typed now."""
    board.send("y")
    return board.run_until(lambda: ", typed 1," in board.transcript, 20)


def signs(text: str) -> list[str]:
    """The lines that tell of the failure."""
    own = kernels(text)
    found = [match[0] for pattern in SIGNS for match in re.finditer(pattern, own)]
    return found + re.findall(r"witness: [^\n]* gave \d+", text)


@pytest.fixture
def injector(kernel: Path, tmp_path: Path) -> Injector:
    return Injector(kernel, tmp_path)


def test_apps_need_as_many_allocations_as_are_tried(injector) -> None:
    many = 1_000_000
    with injector.board(many) as board:
        assert until_steady(board) == []
        assert types(board)
        assert many - injector.left(board) > ALLOCATIONS
        assert signs(board.transcript) == []


@pytest.mark.timeout(7200)
def test_each_allocation_may_fail_and_all_go_on(injector, long) -> None:
    outcomes = injector.boot_all(range(ALLOCATIONS) if long else SAMPLE)
    bad = [str(outcome) for outcome in outcomes if not outcome.good]
    assert not bad, "\n".join(bad)
    # MicroPython does without a few, and the id of a process is tried for twice; the others tell.
    untold = [outcome.n for outcome in outcomes if not outcome.signs]
    assert len(untold) <= len(outcomes) // 8, untold


def test_a_heap_that_is_much_too_small_is_named(simulation) -> None:
    board = simulation("hello")
    board.kernel = build_variant("qemu", "WIRED=n", "KERNEL_HEAP_KB=12")
    with board:
        board.expect(r"^MemoryError: ", timeout=30)
        board.expect(r"^panicked: the board could not be wired: a heap of 12288 bytes is too small\r$", timeout=30)
        assert board.transcript.count("trying again") == 2


def lowest(board: Simulation, address: int, until: str) -> int:
    """The fewest blocks of heap in use until this is said: those are the ones after a collection."""
    fewest = int.from_bytes(board.read_memory(address, 2), "little")
    while until not in board.transcript:
        fewest = min(fewest, int.from_bytes(board.read_memory(address, 2), "little"))
        board.run(0.02)
    return fewest


def test_processes_that_start_again_by_the_thousand_leak_nothing(simulation, kernel_symbols, tmp_path) -> None:
    again = tmp_path / "again.tbf"
    elf = (BUILD / "apps" / "exits.elf").read_bytes()
    again.write_bytes(elf_to_tbf(elf, Options(name="again", argument="restart 3")).encode())
    used = kernel_symbols["used"].address
    with simulation("witness", "exits-terminate", again, "faulty-read-kernel") as board:
        board.expect(r"witness: round 10,", timeout=30)  # everything has been used once
        before = lowest(board, used, "witness: round 60,")
        board.expect(r"witness: round 150,", timeout=60)
        after = lowest(board, used, "witness: round 400,")  # some collections long
        restarts = board.transcript.count("exits: restart 3")
        boots = board.transcript.count("exits: terminate 3")
        assert restarts > 2000
        assert boots > 50
        assert after <= before + 16
