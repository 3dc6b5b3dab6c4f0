"""What the verbs that connect this terminal to a simulated board have in common: `adder simulate`, `adder renode`."""

import contextlib
import os
import re
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from adder.duration import Duration
from adder.errors import AdderError
from adder.output import tell
from adder.run.port import Port, published
from adder.run.simulated import BUTTONS

CTRL_A = 0x01
CTRL_C = 0x03


class Keyboard:
    """Turns what is typed into what the board gets; Ctrl-A is the way out."""

    def __init__(self, interactive: bool) -> None:
        self._interactive = interactive
        self._escaped = False
        self.quit = False
        self.buttons: list[int] = []  # pressed since the caller has looked

    def filter(self, data: bytes) -> bytes:
        if not self._interactive:
            return data
        out = bytearray()
        for byte in data:
            if self._escaped:
                self._escaped = False
                if byte in b"xX":
                    self.quit = True
                elif ord("0") <= byte < ord("0") + BUTTONS:
                    self.buttons.append(byte - ord("0"))
                else:
                    out.append(byte)  # Ctrl-A Ctrl-C sends Ctrl-C, Ctrl-A Ctrl-A sends Ctrl-A
            elif byte == CTRL_A:
                self._escaped = True
            elif byte == CTRL_C:
                self.quit = True
            else:
                out.append(byte)
        return bytes(out)


_port = False  # whether the console is at a port of its own
_beside: Port | None = None  # the port that it is at, too


@contextlib.contextmanager
def own_port(wanted: bool, folder: Path) -> Iterator[None]:
    """If it is wanted, the console is a serial port of its own, a pseudo-terminal, which other programs can open.

    Otherwise it is in this terminal, and at such a port as well. `folder` is where the port has its name.
    """
    global _port, _beside
    if not wanted:
        with Port() as port, published(folder, port.name):
            _beside = port
            try:
                yield
            finally:
                _beside = None
        return
    ours, theirs = os.openpty()  # as long as theirs is open here, too, whoever opens it may close it again
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    tell(f"The board's console is {os.ttyname(theirs)}; Ctrl-C here ends the simulation.", error=True)
    before = os.dup(0), os.dup(1)
    os.dup2(ours, 0)
    os.dup2(ours, 1)
    _port = True
    try:
        with published(folder, os.ttyname(theirs)):
            yield
    except KeyboardInterrupt:
        pass
    finally:
        _port = False
        for number, handle in enumerate(before):
            os.dup2(handle, number)


def from_port() -> bytes:
    """What a program at the port has sent to the board."""
    return _beside.read() if _beside is not None else b""


def at_terminal() -> bool:
    """Whether a human types here."""
    return not _port and sys.stdin.isatty()


def _put(data: bytes) -> None:
    """Show it, or, at a port that nobody reads, drop what does not fit."""
    if not _port:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    with contextlib.suppress(BlockingIOError):
        while data:
            data = data[os.write(1, data) :]


@contextlib.contextmanager
def raw_terminal(interactive: bool) -> Any:
    """Each key at once and unechoed; line ends of the output stay as they are."""
    if not interactive:
        yield
        return
    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    raw = termios.tcgetattr(handle)
    raw[0] &= ~(termios.ICRNL | termios.IXON)
    raw[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
    try:
        termios.tcsetattr(handle, termios.TCSADRAIN, raw)
        yield
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)


class Status:
    """A line below the console's, with the LEDs for instance, which changes in place; only at a terminal."""

    PAUSE = 0.05  # seconds of the host

    def __init__(self, line: Callable[[], str], on: bool) -> None:
        self._line = line
        self._on = on
        self._shown = ""
        self._looked = 0.0
        self._at_line_start = True

    def write(self, data: bytes) -> None:
        """The console's output takes the line's place."""
        if _beside is not None and _beside.write(data):
            return
        self.erase()
        _put(data)
        self._at_line_start = data.endswith(b"\n")

    def erase(self) -> None:
        """Take it away."""
        if self._shown:
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()
            self._shown = ""

    def show(self) -> None:
        """Draw it if something has changed, and the console's last line is whole."""
        now = time.monotonic()
        if self._on and self._at_line_start and now >= self._looked + self.PAUSE:
            self._looked = now
            text = self._line()
            if text != self._shown:
                sys.stdout.write(f"\r\x1b[K{text}")
                sys.stdout.flush()
                self._shown = text


def _some_text(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    if text == "":
        raise click.BadParameter("the text to wait for is empty.")
    return text


def console_options(time: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options --seconds, which count this `time`, and --until."""
    seconds = click.option("--seconds", type=Duration(), metavar="N", help=f"Stop after N seconds of {time} time.")
    until = click.option(
        "--until", metavar="TEXT", callback=_some_text,
        help="Stop as soon as the console shows TEXT, except for the lines in which the kernel lists the apps at boot; "
        "with --seconds, fail if it does not in time.",
    )  # fmt: skip
    return lambda command: seconds(until(command))


def end_on_signals() -> None:
    """Let a signal end the program in order, so that the simulator ends with it."""

    def terminate(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGHUP, terminate)


LISTED = re.compile(rb"^app [^\n]*?: slot \d+, flash 0x\w+", re.MULTILINE)
"""Where the kernel lists an app at boot: each is named there before it has run."""

MAY_BE_LISTED = re.compile(rb"^app [^\n]{0,80}\Z", re.MULTILINE)
"""The last line, as long as it may become one of those: a name is shown up to its 64th character."""


class Watch:
    """Looks for a text in what the console has shown."""

    def __init__(self, text: str | None) -> None:
        self._text = text.encode() if text else None

    def sees(self, raw: bytes) -> bool:
        """Whether it is there, except for where the kernel lists the apps."""
        if self._text is None or self._text not in raw:
            return False
        said = LISTED.sub(b"", raw)
        return self._text in MAY_BE_LISTED.sub(b"", said)


def check_shown(seen: bool, seconds: float | None, until: str | None) -> None:
    """Fail if the console was to show a text in time and did not."""
    if until is not None and not seen and seconds is not None:
        raise AdderError(f"The console did not show '{until}' within {seconds:g} second{'' if seconds == 1 else 's'}.")
