"""What all ways to a board have in common: what they find, what they may write, what they do."""

import codecs
import os
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from adder.board import Region
from adder.errors import AdderError
from adder.flash.image import KERNEL, Image
from adder.output import console
from adder.text import printable


class Device(NamedTuple):
    """A probe, drive or serial port: what it is called in options, and what people call it."""

    id: str
    title: str
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.id} ({self.title})" if self.title else self.id


@dataclass(frozen=True)
class Room:
    """The part of the flash that a way may write, and what is around it."""

    owner: str
    region: Region
    below: str = "nothing"
    above: str = "nothing"
    starts: tuple[int, ...] = ()
    """Where the kernel may begin; empty: anywhere."""
    whole: bool = False
    """Whether what is written is all there is: then it begins with the kernel."""

    def refusal(self, image: Image) -> str | None:
        """The sentence that says why the image must not be written, if it must not."""
        image = image.without_directory_beyond(self.region.end)
        first, end = image.pieces[0], image.end
        low, high = self.region.start, self.region.end
        if image.start < low:
            return (
                f"The {first.what} lies at {first.address:#x}, over {self.below} that {self.owner} needs; "
                f"it must be built to lie at {self._starts()}."
            )
        if end > high:
            return (
                f"The {image.pieces[-1].what} reaches to {end:#x}, over {self.above}, which begins at {high:#x}; "
                f"{self.owner} must not write there."
            )
        if first.what != KERNEL and not self.whole:
            return None
        if self.starts and image.start not in self.starts:
            return (
                f"The {first.what} lies at {first.address:#x}, where {self.owner} does not start it; "
                f"it must be built to lie at {self._starts()}."
            )
        return None

    def _starts(self) -> str:
        return " or ".join(hex(start) for start in self.starts or (self.region.start,))


WHOLE_FLASH = Room("a debug probe", Region(0, 0x100000), above="the end of the nRF52840's flash")


class Method(ABC):
    """A way to a board."""

    name: ClassVar[str]
    title: ClassVar[str]
    """What it is, for the list of ways."""
    option: ClassVar[str]
    """The option that chooses among several devices."""
    thing: ClassVar[str]
    """What a device is."""
    nothing: ClassVar[str]
    """The sentence for when none is connected."""

    @abstractmethod
    def missing(self) -> str | None:
        """The sentence that says what is to be installed, if something is."""

    @abstractmethod
    def devices(self) -> list[Device]:
        """What is connected."""

    def room(self, device: Device | None) -> Room:
        """What may be written; with a device, what may be written to that one."""
        return WHOLE_FLASH

    @abstractmethod
    def plan(self, image: Image, device: Device, folder: Path) -> list[str]:
        """What `write` will do, a line each; makes the files in `folder` that it needs."""

    @abstractmethod
    def write(self, image: Image, device: Device, folder: Path) -> str:
        """Write, verify and start; says what has been verified."""

    def choose(self, devices: Sequence[Device], wanted: str | None) -> Device:
        """The device that is meant; the only one if nothing is said."""
        return choose(devices, wanted, self.thing, self.option, self.nothing)


def choose(devices: Sequence[Device], wanted: str | None, thing: str, option: str, nothing: str) -> Device:
    """The device that is meant; the only one if nothing is said. `nothing` is the sentence for when there is none."""
    if not devices:
        raise AdderError(nothing)
    listed = ", ".join(map(str, devices))
    fitting = [device for device in devices if wanted is None or wanted.lower() in device.id.lower()]
    exact = [device for device in fitting if device.id == wanted]
    if len(exact or fitting) == 1:
        return (exact or fitting)[0]
    if not fitting:
        raise AdderError(f"No {thing} '{wanted}' is connected; connected: {listed}.")
    raise AdderError(f"Several {thing}s are connected: {listed}; choose one with {option}.")


def find_program(*names: str) -> str | None:
    """Where a program is: beside this Python (`pip install` puts it there) or on PATH."""
    beside = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", os.defpath)
    found = (shutil.which(name, path=path) or shutil.which(name, path=beside) for name in names)
    return next((program for program in found if program), None)


LONGEST_STEP = 900
"""Seconds in which the slowest tool has written and verified all of the flash."""

MOST_SAID = 16 << 20
"""Bytes of a tool's output."""


class Step(NamedTuple):
    """A command; with `expected`, texts that its output must have, since its exit code says nothing.

    A quiet one's output is shown only when something is wrong. `otherwise` says what it means when the tool has ended
    well, but has not said what was expected.
    """

    command: list[str]
    expected: tuple[str, ...] = ()
    quiet: bool = False
    otherwise: str = "has not done its work"


class Complaint(NamedTuple):
    """What a tool says when something is wrong, a regular expression, and what that means for people."""

    said: str
    means: str


NO_CHIP = (
    "The probe is there, but no chip answers it: has the board power, and are SWDIO, SWCLK, GND and the reference "
    "voltage (VTref) connected?"
)
BUSY = (
    "The probe is there, but it cannot be opened: does another program use it, and may you "
    "(https://github.com/pyocd/pyOCD/tree/main/udev)?"
)
LOCKED = "The chip is locked against debuggers (APPROTECT). Opening it erases all that is on it: "


class ToolMethod(Method):
    """A way that is a program of somebody else's."""

    programs: ClassVar[tuple[str, ...]]
    get: ClassVar[str]
    """How to get the program, the end of a sentence."""
    verified: ClassVar[str] = "verified"
    complaints: ClassVar[tuple[Complaint, ...]] = ()
    """The first that fits is shown when the tool has failed."""

    def missing(self) -> str | None:
        if find_program(*self.programs):
            return None
        return f"{self.programs[0]} is not installed; {self.get}."

    @property
    def program(self) -> str:
        found = find_program(*self.programs)
        if found is None:
            raise AdderError(f"{self.programs[0]} is not installed; {self.get}.")
        return found

    @abstractmethod
    def steps(self, image: Image, device: Device, folder: Path) -> list[Step]:
        """The commands that write, verify and start."""

    def plan(self, image: Image, device: Device, folder: Path) -> list[str]:
        return [shlex.join(step.command) for step in self.steps(image, device, folder)]

    def write(self, image: Image, device: Device, folder: Path) -> str:
        for step in self.steps(image, device, folder):
            run_step(step, [*self.complaints, *self.complaints_of(step, device)])
        return self.verified

    def complaints_of(self, step: Step, device: Device) -> Sequence[Complaint]:
        """Complaints whose sentence names the device, or how to go on."""
        return ()


def run_step(step: Step, complaints: Sequence[Complaint] = ()) -> None:
    """Run a tool with its output here, or, if it is a quiet one, with its output shown only when it is bad."""
    name = Path(step.command[0]).name
    code, said = _run(step)
    missing = any(text not in said for text in step.expected)
    if not code and not missing:
        return
    if step.quiet:
        sys.stderr.write(said)
    for complaint in complaints:
        if re.search(complaint.said, said):
            raise AdderError(complaint.means)
    if code:
        raise AdderError(f"{name} failed with exit code {code}; what it says is above.")
    raise AdderError(f"{name} {step.otherwise}; what it says is above.")


def _run(step: Step) -> tuple[int, str]:
    """Run the command, showing what it says as it comes; the exit code and what it said."""
    said = bytearray()
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    end = time.monotonic() + LONGEST_STEP
    with subprocess.Popen(step.command, stdin=null, stdout=pipe, stderr=subprocess.STDOUT) as tool:
        assert tool.stdout is not None
        while True:
            left = end - time.monotonic()
            if left < 0 or len(said) > MOST_SAID or not select.select([tool.stdout], [], [], left)[0]:
                tool.kill()
                name = Path(step.command[0]).name
                raise AdderError(f"{name} has come to no end within {LONGEST_STEP} s, or has said too much.")
            part = os.read(tool.stdout.fileno(), 4096)
            if not part:
                break
            said += part
            if not step.quiet:
                click.echo(decode(part), nl=False)
    return tool.returncode, said.decode(errors="replace")


def ask(command: Sequence[str]) -> str:
    """What a tool says to a question; nothing if it fails or takes too long."""
    try:
        done = subprocess.run(command, check=False, text=True, capture_output=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


class Bar:
    """A progress bar in bytes."""

    def __init__(self, progress: Progress, title: str, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=total)

    def advance(self, count: int) -> None:
        self._progress.advance(self._task, count)


@contextmanager
def bar(title: str, total: int) -> Iterator[Bar]:
    """A progress bar while something is written; only the title where there is no terminal."""
    out = console()
    if not out.is_terminal:
        out.print(title)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    with Progress(*columns, console=out, disable=not out.is_terminal) as progress:
        yield Bar(progress, printable(title), total)
