"""Buttons and pins of the simulated board, from the host, and the verbs `adder press` and `adder pin`.

QEMU's board has neither. Their registers are words of the flash image behind the storage
(boards/qemu/memory.toml), which QEMU maps: what is written to the file the board sees at once, and the
other way round. capsules/drivers/simulated/ is the other side.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import click

from adder.board import Region, board_folder, load_board, raw_manifest
from adder.duration import HOUR, Duration
from adder.errors import AdderError
from adder.image.flash_image import FILE_SIZE, in_use
from adder.output import tell

# Registers of a bank of pins, one bit a pin. The host writes the first two.
LEVEL, DRIVEN, OUTPUT, DIRECTION, LISTENING, UP, DOWN, WIRE = range(0x00, 0x20, 4)

BUTTONS = 4
PINS = 8
SEED_WORDS = 4

PRESSED = 0
"""The level of a pressed button; the board pulls the others up."""


def region_of(peripheral: str) -> Region:
    """Where the simulated peripheral of this name lies in the board's memory."""
    manifest = raw_manifest(board_folder("qemu"))
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
        other = self.wired_to(number)
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

    def wired_to(self, number: int) -> int | None:
        """The pin at the other end of the wire, if one begins here."""
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
    for peripheral in ("buttons", "pins", "sensors", "pulses"):
        Window(image, peripheral).clear()
    window = Window(image, "seed")
    for word in range(SEED_WORDS):
        window.write(4 * word, int.from_bytes(seed[4 * word : 4 * word + 4], "little"))


@dataclass(frozen=True)
class Quantity:
    """What one of the board's sensors measures: its register, and what the driver's unit is to people."""

    register: int
    unit: str
    least: float
    most: float
    scale: int = 1
    by_itself: str = "goes up and down by itself"


QUANTITIES = {
    "temperature": Quantity(0x00, "degrees Celsius", -273.15, 5000, 100),
    "humidity": Quantity(0x04, "percent", 0, 100, 100),
    "ambient_light": Quantity(0x08, "lux", 0, 100_000),
    "pressure": Quantity(0x0C, "hectopascal", 0, 2000),
    "proximity": Quantity(0x10, "of 255", 0, 255),
    "sound_pressure": Quantity(0x14, "decibels", 0, 255),
    "distance": Quantity(0x18, "millimetres", 0, 10_000),
    "moisture": Quantity(0x1C, "percent", 0, 100, 100),
    "rainfall": Quantity(0x20, "micrometres an hour", 0, 30_000),
    "co2": Quantity(0x24, "parts of a million", 0, 60_000),
    "tvoc": Quantity(0x28, "parts of a billion", 0, 60_000),
    **{f"volts-{channel}": Quantity(0x60 + 4 * channel, "volts", 0, 3.3, 1000) for channel in range(6)},
    **{
        f"{name}-{axis}": Quantity(start + 4 * number, unit, -most, most, scale, "is at rest")
        for name, start, unit, most, scale in (
            ("acceleration", 0x2C, "g", 16, 1000),
            ("rotation", 0x38, "degrees a second", 40, 1000),
            ("magnetic_field", 0x44, "microtesla", 4000, 1),
        )
        for number, axis in enumerate("xyz")
    },
}
"""What `adder sensor` sets (capsules/drivers/simulated/sensor.py), by its name in the Python library."""

ZERO = 50_000
"""What 0 is in a sensor's register; 0 there is: nothing is set."""


def set_quantity(image: Path, name: str, value: float | None) -> None:
    """What the board's sensor measures; None is what it shows by itself."""
    it = QUANTITIES[name]
    if value is not None and not it.least <= value <= it.most:
        raise AdderError(f"{value:g} is no value for {name}: {it.least:g} to {it.most:g} {it.unit}.")
    Window(image, "sensors").write(it.register, 0 if value is None else ZERO + round(it.scale * value))


def quantity_of(image: Path, name: str) -> float | None:
    """What the sensor has been set to; None if nothing is set."""
    it = QUANTITIES[name]
    word = Window(image, "sensors").read(it.register)
    return (word - ZERO) / it.scale if word else None


def pulses_of(image: Path, pin: int) -> tuple[int, int] | None:
    """Hz, and the duty in hundredths of a percent, of a pin that makes pulses."""
    window = Window(image, "pulses")
    hertz = window.read(8 * pin)
    return (hertz, window.read(8 * pin + 4)) if hertz else None


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
@click.option(
    "--seconds", type=Duration(most=HOUR), default=0.2, show_default=True, metavar="N", help="How long to hold it."
)
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
    bank = pins_of(_running(image))  # otherwise, what is there is the last one's
    if number is not None and wire_to is not None:
        bank.wire(number, wire_to)
        return
    if number is not None and level is not None:
        bank.drive(number, None if level == "free" else int(level))
        if level == "free":
            bank.wire(number, None)
        return
    for one in range(PINS) if number is None else [number]:
        other = bank.wired_to(one)
        tell(f"pin {one}: {bank.level(one)}  {bank.mode(one)}" + (f", wired to {other}" if other is not None else ""))


@click.command(context_settings={"ignore_unknown_options": True})  # -5 is a temperature
@click.argument("quantity", type=click.Choice(list(QUANTITIES)), required=False, metavar="[QUANTITY]")
@click.argument("value", metavar="[VALUE|free]", required=False)
@_image
def sensor(quantity: str | None, value: str | None, image: Path | None) -> None:
    """Show what the sensors of the board that `adder simulate` runs are set to, or set one: `sensor temperature 31.5`.

    `free` lets it go up and down by itself, as at the start.
    """
    if quantity is None or value is None:
        path = _running(image)
        for name in QUANTITIES if quantity is None else [quantity]:
            it, now = QUANTITIES[name], quantity_of(path, name)
            places = len(str(it.scale)) - 1
            tell(f"{name}: " + (it.by_itself if now is None else f"{now:.{places}f} {it.unit}"))
        return
    try:
        number = None if value == "free" else float(value)
    except ValueError:
        raise AdderError(
            f"'{value}' is no value for {quantity}: write {QUANTITIES[quantity].unit}, such as 31, or `free`."
        ) from None
    set_quantity(_running(image), quantity, number)
