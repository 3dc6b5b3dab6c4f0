"""Buttons and pins of the simulated board, from the host, and the verbs `adder press` and `adder pin`.

QEMU's board has neither. Their registers are words of the flash image behind the storage
(boards/qemu/memory.toml), which QEMU maps: what is written to the file the board sees at once, and the
other way round. capsules/drivers/simulated/ is the other side.
"""

import os
import time
import tomllib
from pathlib import Path

import click

from adder.board import Region, board_folder, load_board
from adder.errors import AdderError
from adder.image.flash_image import FILE_SIZE, in_use

# Registers of a bank of pins, one bit a pin. The host writes the first two.
LEVEL, DRIVEN, OUTPUT, DIRECTION, LISTENING, UP, DOWN, WIRE = range(0x00, 0x20, 4)

BUTTONS = 4
PINS = 8
SEED_WORDS = 4

PRESSED = 0
"""The level of a pressed button; the board pulls the others up."""


def region_of(peripheral: str) -> Region:
    """Where the simulated peripheral of this name lies in the board's memory."""
    manifest = tomllib.loads((board_folder("qemu") / "memory.toml").read_text())
    entry = manifest["peripherals"][peripheral]
    return Region(entry["base"], entry["size"])


class Window:
    """The registers of a simulated peripheral, in the flash image."""

    def __init__(self, image: Path, peripheral: str) -> None:
        self.image = image
        region = region_of(peripheral)
        self._offset = region.start - load_board("qemu").app_flash.start
        self._size = region.size

    def clear(self) -> None:
        """All registers 0, as when the power comes."""
        self._write(0, bytes(self._size))

    def read(self, register: int) -> int:
        """One register."""
        with self.image.open("rb") as file:
            return int.from_bytes(os.pread(file.fileno(), 4, self._offset + register), "little")

    def write(self, register: int, value: int) -> None:
        """Change one register."""
        self._write(register, value.to_bytes(4, "little"))

    def _write(self, offset: int, data: bytes) -> None:
        with self.image.open("rb+") as file:
            os.pwrite(file.fileno(), data, self._offset + offset)


class Bank:
    """Pins that the host can drive and look at."""

    def __init__(self, image: Path, peripheral: str, count: int) -> None:
        self._window = Window(image, peripheral)
        self._peripheral = peripheral
        self._count = count

    def _bit(self, number: int) -> int:
        if not 0 <= number < self._count:
            raise AdderError(f"The simulated board has no {self._peripheral[:-1]} {number}: 0 to {self._count - 1}.")
        return 1 << number

    def _is_on(self, register: int, bit: int) -> bool:
        return bool(self._window.read(register) & bit)

    def drive(self, number: int, level: int | None) -> None:
        """Hold the pin at a level from outside; None lets go of it."""
        bit = self._bit(number)
        if level is not None:
            levels = self._window.read(LEVEL)
            self._window.write(LEVEL, levels | bit if level else levels & ~bit)
        driven = self._window.read(DRIVEN)
        self._window.write(DRIVEN, driven & ~bit if level is None else driven | bit)

    def level(self, number: int) -> int:
        """What a meter at the pin would show."""
        bit = self._bit(number)
        if self._is_on(DIRECTION, bit):
            return int(self._is_on(OUTPUT, bit))
        other = self._wired_to(number)
        if other is not None and self._is_on(DIRECTION, 1 << other):
            return int(self._is_on(OUTPUT, 1 << other))
        return int(self._is_on(LEVEL if self._is_on(DRIVEN, bit) else UP, bit))

    def wire(self, first: int, second: int | None) -> None:
        """Connect two pins; None takes the wire away. There is one wire."""
        self._bit(first)
        if second is None:
            self._window.write(WIRE, 0)
            return
        self._bit(second)
        if first == second:
            raise AdderError("A wire has two ends: name two pins.")
        self._window.write(WIRE, 0x80 | first | second << 8)

    def _wired_to(self, number: int) -> int | None:
        wire = self._window.read(WIRE)
        ends = (wire & 31, wire >> 8 & 31)
        return ends[1 - ends.index(number)] if wire and number in ends else None

    def mode(self, number: int) -> str:
        """What the board has made of the pin."""
        bit = self._bit(number)
        if self._is_on(DIRECTION, bit):
            return "output"
        if not self._is_on(LISTENING, bit):
            return "unused"
        pull = "up" if self._is_on(UP, bit) else "down" if self._is_on(DOWN, bit) else ""
        return f"input, pulled {pull}" if pull else "input"


def buttons_of(image: Path) -> Bank:
    """The buttons of the board with this flash image."""
    return Bank(image, "buttons", BUTTONS)


def pins_of(image: Path) -> Bank:
    """Its pins."""
    return Bank(image, "pins", PINS)


def power_on(image: Path, seed: bytes) -> None:
    """Nothing is pressed or driven, and the source of what looks random begins with the seed, 16 bytes."""
    for peripheral in ("buttons", "pins", "sensors"):
        Window(image, peripheral).clear()
    window = Window(image, "seed")
    for word in range(SEED_WORDS):
        window.write(4 * word, int.from_bytes(seed[4 * word : 4 * word + 4], "little"))


ZERO_DEGREES = 50_000
"""What 0 degrees is in the sensor's register, in hundredths; 0 there is: nothing is set."""

COLDEST, HOTTEST = -273.15, 5000.0


def set_temperature(image: Path, degrees: float | None) -> None:
    """What the board's thermometer measures; None is what it shows by itself."""
    if degrees is not None and not COLDEST <= degrees <= HOTTEST:
        raise AdderError(f"{degrees:g} is not a temperature: {COLDEST:g} to {HOTTEST:g} degrees Celsius.")
    Window(image, "sensors").write(0, 0 if degrees is None else ZERO_DEGREES + round(100 * degrees))


def temperature_of(image: Path) -> float | None:
    """What the thermometer has been set to; None if nothing is set."""
    word = Window(image, "sensors").read(0)
    return (word - ZERO_DEGREES) / 100 if word else None


# The verbs

_image = click.option(
    "--image", type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="The flash image of the simulation.  [default: build/qemu/flash.img]",
)  # fmt: skip


def _path(image: Path | None) -> Path:
    path = image or load_board("qemu").build / "flash.img"
    if not path.is_file():
        raise AdderError(f"{path} does not exist: nothing has been simulated yet.")
    if path.stat().st_size != FILE_SIZE:
        raise AdderError(
            f"{path} is not the flash of QEMU's board, which alone has pins, buttons and sensors for other terminals;"
            " the buttons of a simulated nRF52840 are Ctrl-A 0 to 3 in its own."
        )
    return path


def _running(image: Path | None) -> Path:
    """The image, if a simulation runs with it: when one begins, nothing is pressed or driven."""
    path = _path(image)
    if not in_use(path):
        raise AdderError(
            f"No simulation runs with {path}; start `adder simulate` in another terminal, or name its image by --image."
        )
    return path


@click.command()
@click.argument("button", type=int)
@click.option("--seconds", type=float, default=0.2, show_default=True, metavar="N", help="How long to hold it.")
@_image
def press(button: int, seconds: float, image: Path | None) -> None:
    """Press a button of the board that `adder simulate` runs in another terminal, and let go of it."""
    bank = buttons_of(_running(image))
    bank.drive(button, PRESSED)
    try:
        time.sleep(seconds)
    finally:
        bank.drive(button, None)


@click.command()
@click.argument("number", type=int, required=False, metavar="[PIN]")
@click.argument("level", type=click.Choice(["0", "1", "free"]), required=False)
@click.option("--wire-to", type=int, metavar="PIN", help="Connect it to this pin; `free` takes the wire away.")
@_image
def pin(number: int | None, level: str | None, wire_to: int | None, image: Path | None) -> None:
    """Show the pins of the board that `adder simulate` runs, hold one at a level from outside, or connect two."""
    bank = pins_of(_path(image))
    if number is not None and wire_to is not None:
        _running(image)
        bank.wire(number, wire_to)
        return
    if number is not None and level is not None:
        _running(image)
        bank.drive(number, None if level == "free" else int(level))
        if level == "free":
            bank.wire(number, None)
        return
    for one in range(PINS) if number is None else [number]:
        print(f"pin {one}: {bank.level(one)}  {bank.mode(one)}")


@click.command(context_settings={"ignore_unknown_options": True})  # -5 is a temperature
@click.argument("quantity", type=click.Choice(["temperature"]), required=False, metavar="[temperature]")
@click.argument("value", metavar="[DEGREES|free]", required=False)
@_image
def sensor(quantity: str | None, value: str | None, image: Path | None) -> None:
    """Show what a sensor of the board that `adder simulate` runs is set to, or set it: `adder sensor temperature 31.5`.

    `free` lets it go up and down by itself, as at the start.
    """
    if quantity is None or value is None:
        degrees = temperature_of(_path(image))
        print("temperature: " + ("goes up and down by itself" if degrees is None else f"{degrees:.2f} degrees Celsius"))
        return
    try:
        degrees = None if value == "free" else float(value)
    except ValueError:
        raise AdderError(f"'{value}' is not a temperature: write degrees Celsius, such as 31.5, or `free`.") from None
    set_temperature(_running(image), degrees)
