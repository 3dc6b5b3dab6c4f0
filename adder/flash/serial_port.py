"""Bootloaders on a serial port: Nordic's DFU (nRF52840 Dongle), Adafruit's, Arduino's."""

import time
from collections.abc import Sequence
from pathlib import Path

import serial
from serial.tools import list_ports

from adder.board import Region
from adder.errors import AdderError
from adder.flash.formats import ADAFRUIT, NORDIC, dfu_firmware, nordic_init_packet, to_dfu
from adder.flash.image import Image
from adder.flash.method import Complaint, Device, Method, Room, Step, ToolMethod, bar, find_program, run_step
from adder.flash.nordic_dfu import Link

NORDIC_BOOTLOADER = (0x1915, 0x521F)
ADAFRUIT_VENDOR = 0x239A
ARDUINO_VENDOR = 0x2341
NANO_BOOTLOADER = 0x005A
NANO_SKETCH = 0x805A

SPEED = 115_200
TOUCH_SPEED = 1200
"""Opening an Arduino sketch's port at this speed restarts it into the bootloader."""

PATIENCE = 10.0
"""Seconds in which the bootloader's port must be there after the touch."""

_NORDIC_ROOM = Room(
    "Nordic's bootloader",
    Region(0x1000, 0xE0000 - 0x1000),
    "the MBR",
    "Nordic's bootloader",
    starts=(0x1000,),
    whole=True,
)
_ADAFRUIT_ROOM = Room(
    "Adafruit's bootloader",
    Region(0x1000, 0xEA000 - 0x1000),
    "the MBR",
    "what Adafruit's bootloader keeps for itself",
    starts=(0x1000, 0x26000, 0x27000),
    whole=True,
)
# Its first version lies below 0x10000, the later ones have an MBR there and lie at 0xE0000.
_ARDUINO_ROOM = Room(
    "Arduino's bootloader",
    Region(0x10000, 0xE0000 - 0x10000),
    "the part",
    "newer versions of Arduino's bootloader",
    starts=(0x10000,),
    whole=True,
)


# As adafruit-nrfutil 0.5.3.post16 says it.
_ADAFRUIT_COMPLAINTS = (
    Complaint("could not be opened", "The serial port cannot be opened: does another program use it, and may you?"),
    Complaint(
        "No data received on serial port",
        "Nobody answers at the serial port: press the board's reset button twice, quickly, and write again.",
    ),
)


def ports(kinds: dict[tuple[int, int | None], str]) -> list[Device]:
    """The serial ports of these USB vendors and products; no product means any of a bootloader."""
    found = []
    for port in list_ports.comports():
        vendor, product = port.vid or 0, port.pid or 0
        # A product number of 0x8000 and above is, with Adafruit, that of a program.
        kind = kinds.get((vendor, product)) or (kinds.get((vendor, None)) if product < 0x8000 else None)
        if kind:
            found.append(Device(port.device, port.product or kind, kind))
    return found


def named_port(devices: Sequence[Device], wanted: str | None, kind: str) -> list[Device]:
    """The port that was named, found by its USB numbers or not."""
    if wanted is None or any(wanted.lower() in device.id.lower() for device in devices):
        return list(devices)
    return [Device(wanted, "", kind)] if Path(wanted).exists() else list(devices)


class Dfu(Method):
    """DFU over a serial port: Nordic's protocol is spoken here, Adafruit's older one by their tool."""

    name = "dfu"
    title = "serial DFU"
    option = "--port"
    thing = "DFU port"
    nothing = (
        "No serial port of a DFU bootloader is connected: press the dongle's RESET button "
        "(the red LED then pulses); docs/flashing.md has the other boards' ways."
    )

    def missing(self) -> str | None:
        return None

    def devices(self) -> list[Device]:
        return ports({NORDIC_BOOTLOADER: NORDIC, (ADAFRUIT_VENDOR, None): ADAFRUIT})

    def choose(self, devices: Sequence[Device], wanted: str | None) -> Device:
        return super().choose(named_port(devices, wanted, NORDIC), wanted)

    def room(self, device: Device | None) -> Room:
        return _ADAFRUIT_ROOM if device is not None and device.kind == ADAFRUIT else _NORDIC_ROOM

    def plan(self, image: Image, device: Device, folder: Path) -> list[str]:
        if device.kind == ADAFRUIT:
            return [" ".join(self._adafruit(image, device, folder).command)]
        return [f"send {len(dfu_firmware(image)):,} bytes to the DFU bootloader at {device.id}"]

    def write(self, image: Image, device: Device, folder: Path) -> str:
        if device.kind == ADAFRUIT:
            run_step(self._adafruit(image, device, folder), _ADAFRUIT_COMPLAINTS)
            return "verified by the bootloader's checksum"
        firmware = dfu_firmware(image)
        try:
            with serial.Serial(device.id, SPEED, timeout=0.1, write_timeout=PATIENCE) as port:
                link = Link(port)
                link.begin()
                link.send_init_packet(nordic_init_packet(firmware))
                with bar(f"Writing to {device.id}", len(firmware)) as progress:
                    link.send_firmware(firmware, progress.advance)
        except serial.SerialTimeoutException:
            raise AdderError(
                f"{device.id} takes in nothing: unplug the board and put it into its bootloader again."
            ) from None
        except (serial.SerialException, OSError) as error:
            raise AdderError(f"{device.id} cannot be used: {error}.") from error
        return "verified by the bootloader's checksums"

    def _adafruit(self, image: Image, device: Device, folder: Path) -> Step:
        program = find_program("adafruit-nrfutil")
        if program is None:
            raise AdderError("adafruit-nrfutil is not installed; `build/venv/bin/pip install -e '.[flash]'` gets it.")
        folder.mkdir(parents=True, exist_ok=True)
        package = folder / "flash-adafruit.zip"
        package.write_bytes(to_dfu(image, ADAFRUIT))
        options = ["--package", str(package), "--port", device.id, "--baudrate", str(SPEED), "--singlebank"]
        # It exits with 0 whatever happens.
        return Step([program, "dfu", "serial", *options], ("Device programmed.",))


class Bossac(ToolMethod):
    """Arduino's bootloader, which Arduino's variant of bossac writes through."""

    name = "bossac"
    title = "bossac"
    option = "--port"
    thing = "Arduino"
    programs = ("bossac", "bossac_arduino2")
    get = "Arduino's variant of it is needed, which the Arduino IDE installs with the board (docs/flashing.md)"
    nothing = "No Arduino Nano 33 BLE is connected: press its reset button twice, quickly; the orange LED then pulses."
    verified = "not verified, since this bootloader cannot be read"
    # As bossac 1.9.1 says it.
    complaints = (
        Complaint("Device unsupported", f"This bossac does not know the board: {get}."),
        Complaint("No device found", f"No bootloader answers: {nothing.partition(': ')[2]}"),
    )

    def devices(self) -> list[Device]:
        return ports({(ARDUINO_VENDOR, NANO_BOOTLOADER): "bootloader", (ARDUINO_VENDOR, NANO_SKETCH): "sketch"})

    def choose(self, devices: Sequence[Device], wanted: str | None) -> Device:
        return super().choose(named_port(devices, wanted, "bootloader"), wanted)

    def room(self, device: Device | None) -> Room:
        return _ARDUINO_ROOM

    def steps(self, image: Image, device: Device, folder: Path) -> list[Step]:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "flash.bin"
        path.write_bytes(image.flat())
        # As the Arduino IDE does. The bootloader adds the 64 KB that are its own to every address.
        port = device.id.removeprefix("/dev/")
        return [Step([self.program, f"--port={port}", "-U", "-i", "-e", "-w", str(path), "-R"])]

    def write(self, image: Image, device: Device, folder: Path) -> str:
        if device.kind == "sketch":
            device = self._enter_bootloader(device)
        return super().write(image, device, folder)

    def _enter_bootloader(self, device: Device) -> Device:
        try:
            serial.Serial(device.id, TOUCH_SPEED).close()
        except (serial.SerialException, OSError) as error:
            raise AdderError(f"{device.id} cannot be used: {error}.") from error
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = [other for other in self.devices() if other.kind == "bootloader"]
            if found:
                return found[0]
            time.sleep(0.2)
        raise AdderError(f"The Arduino at {device.id} did not enter its bootloader; {self.nothing}")
