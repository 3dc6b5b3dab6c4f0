"""The kernel's interface as it is (docs/abi.md), for drivers that have no module in `adder`. All numbers are 32 bits.

    import syscall
    leds = syscall.command(0x2, 0)
"""

from collections.abc import Callable
from typing import Any

FAIL: int
BUSY: int
ALREADY: int
OFF: int
RESERVE: int
INVAL: int
SIZE: int
CANCEL: int
NOMEM: int
NOSUPPORT: int
NODEVICE: int
UNINSTALLED: int
NOACK: int

class SyscallError(OSError):
    """A driver has refused or failed: `errno` is one of the codes above, the text says what was asked for."""

    def __init__(self, code: int, text: str = "") -> None: ...

def command(driver: int, number: int, a: int = 0, b: int = 0, /) -> Any:
    """Ask a driver; returns what it answers: None, an int, or a tuple of ints. Raises SyscallError."""
    ...

def subscribe(driver: int, number: int, handler: Callable[[int, int, int], object] | None, /) -> None:
    """Have `handler(a, b, c)` run for each upcall, while the program waits, however it does; None ends it."""
    ...

def allow_rw(driver: int, number: int, buffer: bytearray | memoryview | None, /) -> None:
    """Lend the driver a buffer to write to, until another takes its place; its length must not change. None takes it back."""
    ...

def allow_ro(driver: int, number: int, buffer: bytes | bytearray | memoryview | None, /) -> None:
    """The same, to read from."""
    ...

def allow_readable(driver: int, number: int, buffer: bytearray | memoryview | None, /) -> None:
    """The same, to write to, while the app may go on reading it."""
    ...

def bytes_of(object: Any, /) -> memoryview:
    """The bytes in the buffer of an object, whatever its items are. A str has none: TypeError."""
    ...

def take_bytes(buffer: bytearray, /) -> bytes:
    """The contents but for the last byte, which must be 0, as bytes, without a copy; the bytearray is empty afterwards."""
    ...

def yield_wait(milliseconds: int = -1, /) -> bool:
    """Sleep until a handler has run, or for so long; -1 is for ever. True if one has."""
    ...

def yield_no_wait() -> bool:
    """Run one handler if an upcall is waiting; True if so."""
    ...

def yield_wait_for(driver: int, number: int, /) -> tuple[int, int, int]:
    """Sleep until that upcall has come, and return its numbers; its own handler does not run, others do."""
    ...

def memop(number: int, argument: int = 0, /) -> int | None:
    """What the kernel knows of the app's memory, by Tock's numbers. Raises SyscallError."""
    ...

def restart() -> None:
    """End the app and begin it anew."""
    ...

def set_time(seconds: int, /) -> None:
    """Tell what `time.time()` is now, in seconds since 1970; it begins at 0 when the board does. For this app alone."""
    ...

class Blocks:
    """The app's storage, which grows to `size` bytes, in blocks of 512, for `vfs.VfsLfs2`. On boards with the shell's file system.

    Raises SyscallError: NODEVICE if the permissions name neither `storage` nor its command 64, NOMEM if there is not so much left.
    """

    def __init__(self, size: int, /) -> None: ...
    def readblocks(self, block: int, buffer: bytearray | memoryview, offset: int = 0, /) -> int:
        """Fill `buffer`; 0, or an error below 0: -EBUSY in a handler that runs while `adder.storage` is at work."""
        ...

    def writeblocks(self, block: int, buffer: bytes | bytearray | memoryview, offset: int = 0, /) -> int:
        """Write `buffer`; 0, or an error below 0: -EBUSY in a handler that runs while `adder.storage` is at work."""
        ...

    def ioctl(self, operation: int, argument: int, /) -> int:
        """As MicroPython's block devices have it."""
        ...
