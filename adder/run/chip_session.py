"""`adder simulate` for boards with an nRF52840: the simulated chip, with this terminal as its console.

The flash image is a file with what lies in the chip's flash from the apps to the end of the storage. It is read when
the chip is switched on, and written back when it is switched off.
"""

import os
import select
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from adder.board import Board, read_manifest
from adder.chip.cortex_m import LockUp
from adder.chip.nrf52840 import Chip
from adder.chip.time import PER_SECOND
from adder.errors import AdderError
from adder.files import check_plain
from adder.image.flash_image import ERASED, check_plain_file, lock_image
from adder.output import tell
from adder.run.renode import flash_contents
from adder.run.simulated import BUTTONS
from adder.run.terminal import Keyboard, Status, Watch, at_terminal, from_port, raw_terminal

HOLD_SECONDS = 0.2
"""How long a key presses a button, in the board's time."""

SLICE = 0.02
"""Seconds of the board's time between two looks at the keyboard."""

LEDS = 4


@contextmanager
def flash_file(path: Path, board: Board, apps: tuple[Path, ...]) -> Iterator[BinaryIO]:
    """The image, opened and locked; with `apps`, these and no others are in it, and what was stored stays."""
    check_plain_file(path)
    check_plain(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("r+b" if path.exists() else "w+b") as file:
        lock_image(file.fileno(), path)
        if apps or not path.stat().st_size:
            file.seek(board.storage.start - board.app_flash.start)
            stored = file.read(board.storage.size)
            rewrite(file, flash_contents(apps, board, stored))
        yield file


def rewrite(file: BinaryIO, contents: bytes) -> None:
    """Replace all that is in a file."""
    file.seek(0)
    file.write(contents)
    file.truncate()
    file.flush()


class Session:
    """A chip that has been switched on, and what is connected to it."""

    def __init__(self, board: Board, kernel: Path, flash: bytes, clock: str) -> None:
        self._start = board.app_flash.start
        self._length = board.storage.end - board.app_flash.start
        options: Mapping[str, int] = read_manifest(board.name)["options"]
        self._buttons = [options[f"NRF52_BUTTON{i}"] for i in range(BUTTONS)]
        leds = [(options[f"NRF52_LED{i}"], options[f"NRF52_LED{i}_ACTIVE_LOW"]) for i in range(LEDS)]
        self._leds = [(pin, active_low) for pin, active_low in leds if pin >= 0]
        contents = flash[: self._length].ljust(self._length, bytes([ERASED]))
        self.chip = Chip(kernel, {self._start: contents})
        self._paced = clock != "fast"
        self._begun = time.monotonic()  # the host's time at which the board's was 0
        self._held: dict[int, float] = {}  # pins of buttons, and when to let go of them

    def flash(self) -> bytes:
        """What lies in the flash now."""
        return self.chip.read_memory(self._start, self._length)

    def status(self) -> str:
        """The LEDs: `LEDs ● ○`."""
        dark, lit = "○●" if (sys.stdout.encoding or "").lower().startswith("utf") else "-*"
        return "LEDs " + " ".join(lit if self.chip.pin(pin) == (not low) else dark for pin, low in self._leds)

    def press(self, button: int) -> None:
        """Push a button down for a moment, if the board has it."""
        pin = self._buttons[button]
        if pin >= 0:
            self.chip.set_pin(pin, 0)
            self._held[pin] = self.chip.seconds + HOLD_SECONDS

    def run(self, until: float | None) -> None:
        """Let a little time pass, but not beyond the moment `until`."""
        chip = self.chip
        left = SLICE if until is None else min(SLICE, until - chip.seconds)
        chip.run(max(left, 1 / PER_SECOND))
        for pin in [pin for pin, end in self._held.items() if chip.seconds >= end]:
            chip.set_pin(pin, None)  # pulled up
            del self._held[pin]
        if self._paced:
            ahead = self._begun + chip.seconds - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            else:
                self._begun -= ahead  # the host is slower: the board's time is not hurried afterwards


def converse(session: Session, seconds: float | None, until: str | None) -> bool:
    """Connect the terminal to the chip; returns whether `until` was seen."""
    interactive = at_terminal()
    keyboard = Keyboard(interactive)
    watch = Watch(until)
    stdin: int | None = sys.stdin.fileno()
    typed = bytearray()  # what the board has not got, since its receiver is off
    shown = 0
    status = Status(session.status, interactive and sys.stdout.isatty())
    chip = session.chip
    with raw_terminal(interactive):
        while not keyboard.quit:
            while stdin is not None and select.select([stdin], [], [], 0)[0]:
                data = os.read(stdin, 4096)
                if not data:
                    stdin = None
                typed += keyboard.filter(data)
                for button in keyboard.buttons:
                    session.press(button)
                keyboard.buttons.clear()
            typed += from_port()
            if typed and chip.uart.listening:
                chip.type(bytes(typed))
                typed.clear()
            session.run(seconds)
            sent = chip.uart.sent
            if len(sent) > shown:
                status.write(bytes(sent[shown:]))
                shown = len(sent)
                if watch.sees(bytes(sent)):
                    return True
            elif seconds is not None and chip.seconds >= seconds:
                break
            status.show()
        status.erase()
    return False


def simulate_chip(
    board: Board,
    kernel: Path,
    image: Path,
    apps: tuple[Path, ...],
    seconds: float | None,
    until: str | None,
    clock: str,
) -> bool:
    """The verb, for these boards; returns whether `until` was seen."""
    with flash_file(image, board, apps) as file:
        file.seek(0)
        session = Session(board, kernel, file.read(), clock)
        try:
            if at_terminal():
                tell(f"{board.title}, simulated; Ctrl-A X ends it.", error=True)
            seen = converse(session, seconds, until)
        except LockUp as error:
            raise AdderError(f"The processor has locked up: {error}.") from None
        finally:
            rewrite(file, session.flash())
        if session.chip.uart.sent and not session.chip.uart.sent.endswith(b"\n"):
            tell("")
    for complaint in session.chip.complaints:
        tell(f"The chip's manual forbids what the kernel did: {complaint}.", error=True)
    return seen
