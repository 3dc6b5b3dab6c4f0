"""The module `mint` (firmware/objects/mint.c): where powers are made. Only boards/*/board.py imports it, at boot.

ValueError: the manifest, boards/*/memory.toml, has nothing of that name, or a driver number is taken.
RuntimeError: the kernel is sealed; nothing is made any more.
"""

from collections.abc import Callable
from typing import Final, Protocol, TypeAlias, TypeVar

from kernel import (
    CommandReturn,
    FlashRange,
    Grant,
    InterruptLine,
    KernelLog,
    Layout,
    ProcessControl,
    ProcessId,
    ProcessLoader,
    Registers,
)

_Driver = TypeVar("_Driver")

Command: TypeAlias = Callable[[int, int, int, ProcessId], CommandReturn | int]
"""The method `command` of a capsule: number, first and second argument, process. An int is an ErrorCode."""

# Policies: what happens to a capsule that has failed. The call that failed ends in any case, a command with FAIL.
CONTINUE: Final[int]
"""Nothing more."""
RESTART: Final[int]
"""Its recipe makes it again, a few times; then it is switched off."""
DISABLE: Final[int]
"""It is switched off: its commands give NODEVICE."""

def registers(name: str, /) -> Registers:
    """The window onto a peripheral of the manifest."""

def interrupt(peripheral: str, name: str, /) -> InterruptLine:
    """One of the peripheral's interrupt lines, by its name in the manifest."""

def loop_interrupt() -> InterruptLine:
    """A line that is raised every 64 rounds of the kernel's loop: after 0.64 s of work at the latest, and never in sleep.

    For a watchdog. The last caller has it. ValueError if no line is left.
    """

def software_interrupt() -> InterruptLine:
    """A line that only software raises. ValueError if none is left."""

def grant(number: int, layout: Layout, /) -> Grant:
    """A driver number, and a record of this shape in each process. ValueError if the number is taken."""

def kernel_log() -> KernelLog:
    """The power to read the kernel's messages."""

def process_control() -> ProcessControl:
    """The power over processes."""

def process_loader() -> ProcessLoader:
    """The power to begin processes and to remove them."""

def flash(name: str, /) -> FlashRange:
    """The power over a range of the flash, by its name in the manifest."""

def share_memory(grant: Grant, /) -> None:
    """Commands 2 and 3 of this driver notify another process and share a buffer with it."""

def build(name: str, recipe: Callable[[], _Driver], /) -> _Driver:
    """What the recipe makes, a driver. `name` is for the log, if it or one of its handlers fails.

    If the recipe itself fails, that is reported and the result is None, so that whatever uses it fails as well.
    If what it makes has a method `start`, the kernel calls that once all is wired.
    """

class _Capsule(Protocol):
    """A module of capsules/ that serves a driver number."""

    @property
    def DRIVER_NUM(self) -> int: ...
    @property
    def LAYOUT(self) -> Layout: ...

def serve(name: str, of: _Capsule | Grant, recipe: Callable[[Grant], Command], policy: int = ..., /) -> Grant:
    """The recipe makes a capsule and returns its method `command`, which from now on answers the driver's commands.

    `of` is the capsule's module, whose driver number and layout make the grant that the recipe gets; or a grant that
    was made before. `name` is for the log. `policy` is one of the constants above; without it, the configuration's. If
    the object has a method `start` as well, the kernel calls that once all is wired, and again when the capsule was made
    again. ValueError if the driver number is taken.
    """
