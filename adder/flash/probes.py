"""Debug probes: pyOCD, SEGGER's J-Link Commander, Nordic's nrfjprog, OpenOCD."""

import json
import re
import shlex
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from serial.tools import list_ports

from adder.flash.formats import to_hex
from adder.flash.image import Image
from adder.flash.method import BUSY, LOCKED, NO_CHIP, Complaint, Device, Step, ToolMethod, ask, run_step
from adder.flash.uicr import NVMC_CONFIG, NVMC_READ_ONLY, NVMC_WRITE, parse_words

USB_DEVICES = Path("/sys/bus/usb/devices")
"""Where Linux lists what is on the USB."""

JLINK = "jlink"
STLINK = "stlink"
CMSIS_DAP = "cmsis-dap"

_TITLES = {JLINK: "J-Link", STLINK: "ST-Link", CMSIS_DAP: "CMSIS-DAP"}


def hex_file(image: Image, folder: Path) -> Path:
    """Write the image as Intel hex for a tool."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "flash.hex"
    path.write_bytes(to_hex(image))
    return path


def piece_files(image: Image, folder: Path) -> list[Path]:
    """Write each piece as plain bytes, for tools that compare them with the flash."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for piece in image.pieces:
        path = folder / f"flash-{piece.address:#010x}.bin"
        path.write_bytes(piece.data)
        paths.append(path)
    return paths


def probe_kind(vendor: int, product: int, names: Sequence[str]) -> str | None:
    """Which kind of probe a USB device is, if it is one."""
    if vendor == 0x1366:
        return JLINK
    if vendor == 0x0483 and product >> 4 in (0x374, 0x375):
        return STLINK
    if (vendor, product) == (0x0D28, 0x0204) or any("CMSIS-DAP" in name for name in names):
        return CMSIS_DAP
    return None


MOST_SAID = 256
"""Bytes that a device may say of itself: a descriptor of USB has no more."""


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MOST_SAID).decode(errors="replace").strip()
    except OSError:
        return ""


def _from_linux() -> list[Device]:
    found = []
    for folder in sorted(USB_DEVICES.iterdir()):
        vendor, product = _text(folder / "idVendor"), _text(folder / "idProduct")
        if not vendor or not product:
            continue
        name = _text(folder / "product")
        interfaces = [_text(path) for path in folder.glob("*/interface")]
        kind = probe_kind(int(vendor, 16), int(product, 16), [name, *interfaces])
        if kind:
            found.append(Device(_text(folder / "serial") or folder.name, name or _TITLES[kind], kind))
    return found


def _from_serial_ports() -> list[Device]:
    """Most probes are a serial port, too; that is how they are found where there is no list of USB devices."""
    found: dict[str, Device] = {}
    for port in list_ports.comports():
        kind = probe_kind(port.vid or 0, port.pid or 0, [port.product or ""])
        if kind:
            name = port.serial_number or port.device
            found[name] = Device(name, port.product or _TITLES[kind], kind)
    return list(found.values())


def usb_probes() -> list[Device]:
    """The probes on the USB, found without any of their tools."""
    return _from_linux() if USB_DEVICES.is_dir() else _from_serial_ports()


class ProbeMethod(ToolMethod):
    """A debug probe and the tool that drives it."""

    option = "--probe"
    thing = "probe"

    @abstractmethod
    def read_command(self, device: Device, addresses: Sequence[int], folder: Path) -> list[str]:
        """The command that shows these words of the chip's memory."""

    @abstractmethod
    def write_command(self, device: Device, words: Mapping[int, int], folder: Path) -> list[str]:
        """The command that writes words of UICR, one by one and without erasing anything, and restarts the chip."""

    def read_words(self, device: Device, addresses: Sequence[int], folder: Path) -> dict[int, int]:
        """Words of the chip's memory, as far as the tool can read them."""
        return parse_words(ask(self.read_command(device, addresses, folder)))

    def write_words(self, device: Device, words: Mapping[int, int], folder: Path) -> None:
        """Write words of UICR."""
        run_step(Step(self.write_command(device, words, folder), quiet=True), self.complaints)


def _stores(words: Mapping[int, int]) -> list[tuple[int, int]]:
    """Addresses and values: words of UICR, with the flash controller writing meanwhile."""
    return [(NVMC_CONFIG, NVMC_WRITE), *words.items(), (NVMC_CONFIG, NVMC_READ_ONLY)]


_LEAVE_LOCKED = ("-O", "auto_unlock=false")
"""Else pyOCD erases a locked chip without asking."""


class PyOcd(ProbeMethod):
    """pyOCD: CMSIS-DAP (DAPLink, Picoprobe), J-Link, ST-Link."""

    name = "pyocd"
    title = "pyOCD"
    programs = ("pyocd",)
    get = "`build/venv/bin/pip install -e '.[flash]'` gets it"
    nothing = (
        "pyOCD finds no debug probe: is it plugged in, and may you use it "
        "(https://github.com/pyocd/pyOCD/tree/main/udev)?"
    )

    def devices(self) -> list[Device]:
        try:
            listed = json.loads(ask([self.program, "json", "--probes"]))
        except ValueError:
            return []
        return [Device(entry["unique_id"], entry["info"]) for entry in listed.get("boards", [])]

    # As pyOCD 0.46 says it.
    complaints = (
        Complaint(r"No connected debug probe|No target device available", "The probe is no longer there: plug it in."),
        Complaint(r"SWD/JTAG communication failure|No ACK", NO_CHIP),
        Complaint(r"(?i)unable to open|access denied|insufficient permissions|in use", BUSY),
    )

    def complaints_of(self, step: Step, device: Device) -> Sequence[Complaint]:
        unlock = shlex.join([arg for arg in step.command if arg not in _LEAVE_LOCKED])
        return [Complaint("APPROTECT enabled", f"{LOCKED}`{unlock}`, then write again.")] * ("load" in step.command)

    def _commander(self, device: Device, lines: Sequence[str]) -> list[str]:
        command = [self.program, "commander", "--no-wait", "--target", "nrf52840", "--uid", device.id, *_LEAVE_LOCKED]
        return command + [word for line in lines for word in ("-c", line)]

    def read_command(self, device: Device, addresses: Sequence[int], folder: Path) -> list[str]:
        return self._commander(device, [f"read32 {address:#x} 4" for address in addresses])

    def write_command(self, device: Device, words: Mapping[int, int], folder: Path) -> list[str]:
        stores = [f"write32 {address:#x} {value:#x}" for address, value in _stores(words)]
        return self._commander(device, ["reset halt", *stores, "reset"])

    def steps(self, image: Image, device: Device, folder: Path) -> list[Step]:
        chosen = ["--no-wait", "--target", "nrf52840", "--uid", device.id]
        sectors = ["--erase", "sector", "--no-reset"]
        load = [self.program, "load", *chosen, *_LEAVE_LOCKED, *sectors, str(hex_file(image, folder))]
        compare = [self.program, "commander", *chosen, "-c", "reset halt"]
        for piece, path in zip(image.pieces, piece_files(image, folder), strict=True):
            compare += ["-c", f'compare {piece.address:#x} "{path}"']
        # The commander goes on after a difference and exits with 0, so its words are judged.
        expected = tuple(f"All {len(piece.data)} bytes match" for piece in image.pieces)
        otherwise = "found that the flash is not what was written"
        return [Step(load), Step([*compare, "-c", "reset"], expected, quiet=True, otherwise=otherwise)]


class JLink(ProbeMethod):
    """SEGGER's J-Link Commander."""

    name = "jlink"
    title = "J-Link"
    programs = ("JLinkExe", "JLink")
    get = "SEGGER's J-Link software (https://www.segger.com/downloads/jlink) brings it"
    nothing = "J-Link Commander finds no J-Link: is the probe or board plugged in and switched on?"

    def _run(self, *arguments: str) -> list[str]:
        return [self.program, "-NoGui", "1", "-ExitOnError", "1", *arguments]

    def devices(self) -> list[Device]:
        with TemporaryDirectory() as folder:
            script = Path(folder) / "list.jlink"
            script.write_text("ShowEmuList USB\nexit\n")
            said = ask([self.program, "-NoGui", "1", "-CommandFile", str(script)])
        pattern = r"Serial number: (\d+)(?:, ProductName: ([^,\n]*))?"
        return [Device(serial, title.strip()) for serial, title in re.findall(pattern, said)]

    def steps(self, image: Image, device: Device, folder: Path) -> list[Step]:
        lines = ["r", "h", f'loadfile "{hex_file(image, folder)}"']
        for piece, path in zip(image.pieces, piece_files(image, folder), strict=True):
            lines.append(f'verifybin "{path}", {piece.address:#x}')
        return [Step(self._script(device, folder / "flash.jlink", [*lines, "r", "g"]))]

    def _script(self, device: Device, script: Path, lines: Sequence[str]) -> list[str]:
        """The command that runs these lines on the chip."""
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text("\n".join([*lines, "exit"]) + "\n")
        connect = ("-Device", "nRF52840_xxAA", "-If", "SWD", "-Speed", "4000", "-AutoConnect", "1")
        return self._run(*connect, "-SelectEmuBySN", device.id, "-CommandFile", str(script))

    def read_command(self, device: Device, addresses: Sequence[int], folder: Path) -> list[str]:
        return self._script(device, folder / "read.jlink", [f"mem32 {address:#x}, 1" for address in addresses])

    def write_command(self, device: Device, words: Mapping[int, int], folder: Path) -> list[str]:
        stores = [f"w4 {address:#x}, {value:#x}" for address, value in _stores(words)]
        return self._script(device, folder / "uicr.jlink", ["r", "h", *stores, "r", "g"])


class NrfJProg(ProbeMethod):
    """Nordic's command line tools, which drive a J-Link."""

    name = "nrfjprog"
    title = "nrfjprog"
    programs = ("nrfjprog",)
    get = "Nordic's nRF Command Line Tools bring it (https://www.nordicsemi.com/Products/Development-tools)"
    nothing = "nrfjprog finds no J-Link: is the probe or board plugged in and switched on?"

    def complaints_of(self, step: Step, device: Device) -> Sequence[Complaint]:
        unlock = f"{LOCKED}`nrfjprog --recover --family NRF52 --snr {device.id}`, then write again."
        return [Complaint("readback protection|Access protection is enabled", unlock)]

    def devices(self) -> list[Device]:
        return [Device(line.strip(), "J-Link") for line in ask([self.program, "--ids"]).split() if line.isdigit()]

    def read_command(self, device: Device, addresses: Sequence[int], folder: Path) -> list[str]:
        first, count = min(addresses), (max(addresses) - min(addresses)) // 4 + 1
        chosen = ["--family", "NRF52", "--snr", device.id]
        return [self.program, *chosen, "--memrd", f"{first:#x}", "--n", str(4 * count)]

    def write_command(self, device: Device, words: Mapping[int, int], folder: Path) -> list[str]:
        # It sees by itself to the flash controller, and takes one word a call.
        (address, value), *more = words.items()
        chosen = ["--family", "NRF52", "--snr", device.id]
        last = [] if more else ["--reset"]
        return [self.program, *chosen, "--memwr", f"{address:#x}", "--val", f"{value:#x}", *last]

    def write_words(self, device: Device, words: Mapping[int, int], folder: Path) -> None:
        left = dict(words)
        while left:
            super().write_words(device, left, folder)
            left.pop(next(iter(left)))

    def steps(self, image: Image, device: Device, folder: Path) -> list[Step]:
        chosen = ["--family", "NRF52", "--snr", device.id]
        path = str(hex_file(image, folder))
        return [Step([self.program, *chosen, "--program", path, "--sectorerase", "--verify", "--reset"])]


class OpenOcd(ProbeMethod):
    """OpenOCD, which is told what kind of probe there is."""

    name = "openocd"
    title = "OpenOCD"
    programs = ("openocd",)
    get = "your system's package openocd brings it (`sudo apt install openocd`)"
    nothing = "No debug probe is connected that OpenOCD could use: is it plugged in?"

    def devices(self) -> list[Device]:
        return usb_probes()

    def steps(self, image: Image, device: Device, folder: Path) -> list[Step]:
        return [Step([*self._connect(device), "-c", f"program {{{hex_file(image, folder)}}} verify reset exit"])]

    def read_command(self, device: Device, addresses: Sequence[int], folder: Path) -> list[str]:
        shown = [f"mdw {address:#x}" for address in addresses]
        return [*self._connect(device), "-c", "; ".join(["init", *shown, "exit"])]

    def write_command(self, device: Device, words: Mapping[int, int], folder: Path) -> list[str]:
        stores = [f"mww {address:#x} {value:#x}" for address, value in _stores(words)]
        return [*self._connect(device), "-c", "; ".join(["init", "reset halt", *stores, "reset run", "exit"])]

    # As OpenOCD 0.12 says it.
    complaints = (
        Complaint(r"cannot read IDR|init mode failed \(unable to connect", NO_CHIP),
        Complaint(r"No J-Link device found|unable to (find a matching|open) CMSIS-DAP|open failed", BUSY),
    )

    def complaints_of(self, step: Step, device: Device) -> Sequence[Complaint]:
        unlock = shlex.join([*self._connect(device), "-c", "init; nrf52_recover; exit"])
        return [Complaint("AP lock engaged", f"{LOCKED}`{unlock}`, then write again before you switch the board off.")]

    def _connect(self, device: Device) -> list[str]:
        transport = "hla_swd" if device.kind == STLINK else "swd"
        command = [self.program, "-f", f"interface/{device.kind or CMSIS_DAP}.cfg"]
        if len(self.devices()) > 1:
            command += ["-c", f"adapter serial {device.id}"]
        return [*command, "-c", f"transport select {transport}", "-f", "target/nrf52.cfg"]
