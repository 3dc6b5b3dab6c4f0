"""The simulated board's console as a serial port, beside the terminal: for `adder install`, tockloader, mpremote.

Its name is a link beside what is built for the board, so that other programs find it. While one of them has it open,
what the board says goes there and not to the terminal, as with a real board's port, which one program has at a time.
"""

import contextlib
import fcntl
import os
import select
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Self

PORT_NAME = "console"

_SETTLE = 0.05
"""Seconds in which whoever opens a port has set it up, so that it does not send back what it gets."""

_LOOK = 0.02
"""Seconds in which another program has seen whether the name is held."""


def _hold(folder: Path, how: int, attempts: int = 1) -> int | None:
    """An open handle that holds the name in the folder until it is closed, at the latest when this program ends."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    for attempt in range(attempts):
        if attempt:
            time.sleep(_LOOK)
        with contextlib.suppress(OSError):
            fcntl.flock(handle, how | fcntl.LOCK_NB)
            return handle
    os.close(handle)
    return None


@contextlib.contextmanager
def published(folder: Path, port: str) -> Iterator[None]:
    """The port has a name in the folder; another simulation's that is still running keeps its own."""
    handle = _hold(folder, fcntl.LOCK_EX, attempts=5)
    if handle is None:
        yield
        return
    link = folder / PORT_NAME
    try:
        link.unlink(missing_ok=True)  # of a simulation that was killed
        link.symlink_to(port)
        try:
            yield
        finally:
            link.unlink(missing_ok=True)
    finally:
        os.close(handle)


def find_published(folder: Path) -> Path | None:
    """The name of the port of the simulation that is running, if one is.

    A link alone proves nothing: who made it may be gone, and its pseudo-terminal somebody else's by now.
    """
    link = folder / PORT_NAME
    if not link.is_symlink():
        return None
    handle = _hold(folder, fcntl.LOCK_SH)
    if handle is None:
        return link
    os.close(handle)
    return None


class Port:
    """A pseudo-terminal that other programs open and close as they like."""

    def __init__(self) -> None:
        self._ours, theirs = os.openpty()
        self.name = os.ttyname(theirs)
        tty.setraw(theirs)
        os.close(theirs)
        os.set_blocking(self._ours, False)
        self._opened: float | None = None
        self._deaf = False  # whether the program has not read for long
        self._poll = select.poll()
        self._poll.register(self._ours, select.POLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._ours)

    def _state(self) -> int:
        events = self._poll.poll(0)
        return events[0][1] if events else 0

    @property
    def is_open(self) -> bool:
        """Whether a program has it."""
        if self._state() & select.POLLHUP:
            self._opened = None
        elif self._opened is None:
            self._opened = time.monotonic()
        return self._opened is not None

    def read(self) -> bytes:
        """What the program has sent."""
        if not self._state() & select.POLLIN:
            return b""
        with contextlib.suppress(OSError):
            return os.read(self._ours, 4096)
        return b""

    def write(self, data: bytes) -> bool:
        """For the program, if there is one: whether there is. What it does not read in time is lost."""
        if not self.is_open:
            return False
        assert self._opened is not None
        time.sleep(max(self._opened + _SETTLE - time.monotonic(), 0))
        deadline = time.monotonic() + (0 if self._deaf else 1)
        while data:
            try:
                data = data[os.write(self._ours, data) :]
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    break
                time.sleep(0.005)
            except OSError:
                break
        self._deaf = bool(data)  # then it is not waited for again, until it reads
        return True
