"""The kernel runs out of memory: at each single allocation, from the start, and for ever.

`heap_fails_after` in a copy of the kernel's image makes one allocation of its Python fail, the n-th after
reset. The apps below use all drivers of the board; all have to go on, for every n.
"""

import re
import shutil
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from adder.board import ROOT
from adder.flash_image import FlashImage, read_app_file
from adder.simulate import Simulation
from adder.symbols import Symbols

NEVER = 0xFFFFFFFF
AT_ONCE = 2  # boots side by side

# What each app has to say, and how often, until an allocation in the range has certainly failed and the
# app has gone on. Without a failure they need some 2,500 allocations for it.
STEADY = {
    "witness": (r"witness: round \d+, typed \d+, refused 0\n", 13),
    "exits-terminate": (r"exits: terminate 3\n", 5),
    "exits-restart": (r"exits: restart 3\n", 8),
    "faulty-read-kernel": (r"faulty: read-kernel\n", 6),
    "ping": (r"ping: \d+ round trips, \d+ ms\n", 3),
    "logger-py": (r"logger: .*, warmest [\d.]+\r\n", 3),
}
ALLOCATIONS = 2140  # when `faulty-read-kernel` has been reported four times and the witness is in its ninth round
GIVE_UP_ROUND = 150
QUIET = 2  # seconds: who says nothing for so long is dead

FATAL = r"panicked|fault in the kernel|WRONG|messages lost|is off\b"

# How a failure shows.
SIGNS = {
    "boot again": r"the board could not be wired; trying again",
    "capsule": r"kernel: capsule \w+ failed in .*",
    "no process": r"the kernel has no memory left to start it",
    "refused": r"^witness: .* gave \d+",
}


@dataclass
class Outcome:
    """What became of a boot whose n-th allocation failed."""

    n: int
    failed: bool  # whether there were so many allocations
    dead: list[str]
    fatal: list[str]
    signs: list[str]
    typing: bool
    transcript: str = field(repr=False)

    @property
    def good(self) -> bool:
        return self.failed and not self.fatal and not self.dead and self.typing

    def __str__(self) -> str:
        problems = [*self.fatal, *(f"{app} is dead" for app in self.dead)]
        if not self.typing:
            problems.append("typing has no effect")
        if not self.failed:
            problems.append("it was never reached")
        return f"allocation {self.n}: {', '.join(problems) or 'good'}; {', '.join(self.signs) or 'silent'}"


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
        self.apps = [read_app_file(ROOT / "build" / "apps" / f"{app}.tbf") for app in (*STEADY, "pong")]

    def boot(self, n: int) -> Simulation:
        copy = Path(shutil.copy(self.kernel, self.folder / f"fails-{n}.elf"))
        with copy.open("r+b") as file:
            file.seek(self.offset)
            file.write(struct.pack("<I", n))
        image = FlashImage(self.folder / f"flash-{n}.img")
        image.install(self.apps, only=True)
        return Simulation(copy, image.path)

    def left(self, board: Simulation) -> int:
        """How many allocations are to come before the one that fails; NEVER after it."""
        return board.read_word(self.variable)

    def try_one(self, n: int) -> Outcome:
        board = self.boot(n)
        try:
            with board:
                board.send("x")
                dead = until_steady(board)
                alive = "witness" not in dead
                typing = alive and types(board)
                failed = not alive or self.left(board) == NEVER  # a simulator with nothing to do may not answer
            text = board.transcript
        finally:
            board.kernel.unlink()
            board.image.unlink()
        return Outcome(n, failed, dead, re.findall(FATAL, text), signs(text), typing, text)


def said(text: str, app: str) -> bool:
    pattern, times = STEADY[app]
    return len(re.findall(pattern, text)) >= times


def until_steady(board: Simulation) -> list[str]:
    """Wait until all apps have said what they have to, or never will; returns those that have not."""
    missing = list(STEADY)
    text, changed = "", time.monotonic()
    while missing and time.monotonic() < changed + QUIET:
        time.sleep(0.005)
        if len(board.raw) != len(text):
            text, changed = board.transcript, time.monotonic()
            missing = [app for app in missing if not said(text, app)]
            if re.search(FATAL, text) or f"witness: round {GIVE_UP_ROUND}," in text:
                break
    return missing


def types(board: Simulation) -> bool:
    """Whether the witness gets a byte that is typed now."""
    typed = max(map(int, re.findall(r"typed (\d+)", board.transcript)), default=0)
    board.send("y")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if f"typed {typed + 1}," in board.transcript:
            return True
        time.sleep(0.005)
    return False


def signs(text: str) -> list[str]:
    return [match[0].strip() for pattern in SIGNS.values() for match in re.finditer(pattern, text, re.MULTILINE)]
