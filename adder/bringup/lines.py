"""Where a bring-up's lines come from: a serial port, a debug probe, or a simulated board."""

import re
import struct
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import serial

from adder.board import Board
from adder.bringup.report import plain
from adder.chip.nrf52840 import Chip
from adder.errors import AdderError
from adder.flash.console import SPEED
from adder.flash.probes import PyOcd
from adder.text import MEGABYTE, read_file

RAM_START, RAM_SIZE = 0x20000000, 0x40000
_ID = b"SEGGER RTT\0"
_UP = struct.Struct("<III")  # pointer, size, written
_UP_AT = 0x1C

SILENT_SECONDS = 30

LONGEST = 3600
"""Seconds in which the slowest bring-up has come to its end, with a person's answers."""

WRITE_SECONDS = 2
"""In which a board takes in an answer."""

PROBE_SECONDS = 60
"""In which pyOCD has read the RAM."""

MOST_SAID = 1 << 20
"""Characters after which a board that has not come to its end is not listened to any more."""

_ANSWER = re.compile(r"= \? answer: type (?P<what>\S+)")
_PRESS = re.compile(r"= \? press button (?P<button>[0-9]{1,2})")
_ASK = "= ? "


class Silent(AdderError):
    """Nothing more came."""


class Talker(Protocol):
    """A board that says something, and listens."""

    def more(self) -> str:
        """What it has said since the last time; waits a little. Silent if it has not said anything for long."""

    def type(self, text: str) -> None:
        """Say something to it."""

    def press(self, button: int) -> bool:
        """Press its button, if that can be done from here."""


class SerialPort:
    """A real board at a serial port."""

    def __init__(self, port: str) -> None:
        try:
            self._port = serial.Serial(port, SPEED, timeout=0.2, write_timeout=WRITE_SECONDS)
        except (serial.SerialException, OSError) as error:
            raise AdderError(f"{port} cannot be opened: {error}.") from None
        self._heard = time.monotonic()
        self._deaf = False

    def more(self) -> str:
        if self._deaf:
            raise Silent("The board takes in no answer: is anything but this tool's bring-up on it?")
        try:
            data: bytes = self._port.read(4096)
        except (serial.SerialException, OSError) as error:
            raise Silent(f"The line to the board is gone: {error}.") from None
        if data:
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > SILENT_SECONDS:
            raise Silent(
                f"The board has said nothing for {SILENT_SECONDS} s. Look at its first LED (docs/bring-up.md has the "
                "blink code), or read the report through a debug probe: `adder bringup --no-flash --rtt`."
            )
        return data.decode("ascii", "replace")

    def type(self, text: str) -> None:
        try:
            if not self._deaf:
                self._port.write(text.encode())
        except serial.SerialTimeoutException:
            self._deaf = True
        except (serial.SerialException, OSError):
            pass  # the next look says so

    def press(self, button: int) -> bool:
        return False


def in_ram(ram: bytes) -> str:
    """The report that lies in a board's RAM, as SEGGER's RTT; empty if there is none yet."""
    at = -1
    while (at := ram.find(_ID, at + 1)) >= 0:
        if at + _UP_AT + _UP.size > len(ram):
            break
        pointer, size, written = _UP.unpack_from(ram, at + _UP_AT)
        begin = pointer - RAM_START
        if 0 <= begin <= len(ram) - size and written < size:
            return ram[begin : begin + written].decode("ascii", "replace")
    return ""


class Probe:
    """A real board through a debug probe: pyOCD reads its RAM while it goes on."""

    def __init__(self, probe: str | None) -> None:
        self._tool = PyOcd()
        if problem := self._tool.missing():
            raise AdderError(problem)
        self._device = self._tool.choose(self._tool.devices(), probe)
        self._said = ""
        self._heard = time.monotonic()

    def command(self, file: Path) -> list[str]:
        """What saves the RAM into a file."""
        what = f"savemem {RAM_START:#x} {RAM_SIZE:#x} {file}"
        return [self._tool.program, "cmd", "-t", "nrf52840", "-u", self._device.id, "-M", "attach", "-c", what]

    def _save(self, file: Path) -> tuple[int, str]:
        """The tool's exit code, and what it complains of."""
        try:
            done = subprocess.run(
                self.command(file), capture_output=True, text=True, errors="replace", check=False, timeout=PROBE_SECONDS
            )
        except subprocess.TimeoutExpired:
            return 1, f"nothing, within {PROBE_SECONDS} s"
        return done.returncode, done.stderr

    def more(self) -> str:
        time.sleep(1)
        with TemporaryDirectory() as folder:
            file = Path(folder) / "ram.bin"
            code, problem = self._save(file)
            ram = read_file(file, MEGABYTE) if code == 0 and file.is_file() else b""
        said = in_ram(ram)
        new = said[len(self._said) :] if said.startswith(self._said) else said
        if new:
            self._heard, self._said = time.monotonic(), said
        elif time.monotonic() - self._heard > SILENT_SECONDS:
            why = "" if ram else f" pyOCD says: {problem.strip()[-300:]}"
            raise Silent(f"The probe has found nothing new in the board's RAM for {SILENT_SECONDS} s.{why}")
        return new

    def type(self, text: str) -> None:
        """Only the UART listens."""

    def press(self, button: int) -> bool:
        return False


class SimulatedChip:
    """The model of the chip, whose buttons somebody presses at once."""

    def __init__(self, kernel: Path, flash: bytes, board: Board, options: Mapping[str, int]) -> None:
        self.chip = Chip(kernel, {board.app_flash.start: flash}, mpu=True, uncached=25)
        self._buttons = [options[f"NRF52_BUTTON{number}"] for number in range(4)]
        self._shown = 0

    def more(self) -> str:
        if self.chip.seconds > 120:
            raise Silent("The simulated board has not come to the end within 120 s of its time.")
        self.chip.run(0.05)
        new = self.chip.transcript[self._shown :]
        self._shown += len(new)
        return new

    def type(self, text: str) -> None:
        self.chip.type(text)

    def press(self, button: int) -> bool:
        pins = [pin for pin in self._buttons if pin >= 0]
        if not 0 <= button < len(pins):
            return False
        pin = pins[button]
        self.chip.set_pin(pin, 0)
        return True


@dataclass
class Heard:
    """What came of a conversation."""

    said: str = ""
    answered: bool = False  # this tool has typed what the board had asked for
    silence: str | None = None  # why it has not come to the end


def converse(board: Talker, ask: Callable[[str], str], show: Callable[[str], None]) -> Heard:
    """Listen until the board has come to the end, and answer its questions.

    `ask` asks a person, and gets what to type; `show` shows a line.
    """
    heard, rest = Heard(), ""
    begun = time.monotonic()
    while len(heard.said) <= MOST_SAID:
        if time.monotonic() - begun > LONGEST:
            heard.silence = f"The board goes on, and has not come to an end within {LONGEST} s."
            return heard
        try:
            more = board.more()
        except Silent as silence:
            heard.silence = str(silence)
            return heard
        heard.said += more
        *complete, rest = plain(rest + more)
        for line in complete:
            show(line)
            if match := _ANSWER.fullmatch(line):
                board.type(match["what"])
                heard.answered = True
            elif match := _PRESS.fullmatch(line):
                if not board.press(int(match["button"])):
                    show("  (within 15 seconds)")
            elif line.startswith(_ASK):
                board.type(ask(line.removeprefix(_ASK)))
            elif line.startswith("= end:"):
                return heard
    heard.silence = f"The board has said more than {MOST_SAID:,} characters and has not come to an end."
    return heard
