"""The verb `adder flash`."""

from collections.abc import Sequence
from pathlib import Path

import click

from adder.board import Board, load_board, read_manifest
from adder.errors import AdderError
from adder.flash.formats import DFU_FORMATS, NORDIC, write_file
from adder.flash.image import Image, load_image
from adder.flash.method import Device, Method
from adder.flash.probes import JLink, NrfJProg, OpenOcd, ProbeMethod, PyOcd, usb_probes
from adder.flash.serial_port import Bossac, Dfu
from adder.flash.uf2_drive import INFO, Uf2, find_drives
from adder.flash.uicr import Setting, compare
from adder.flash.uicr import wanted as wanted_settings
from adder.output import console, table

FLASHED = "nrf_nvmc"
"""The kind of flash that can be written here."""

METHODS: dict[str, Method] = {
    method.name: method for method in (PyOcd(), JLink(), OpenOcd(), NrfJProg(), Uf2(), Dfu(), Bossac())
}

_PROBES = ("pyocd", "jlink", "nrfjprog", "openocd")
_GROUPS = (("uf2", "dfu"), ("bossac",), _PROBES)
"""Ways to the same boards; `auto` tries each group's in this order and takes the first that finds something."""

Found = tuple[Method, list[Device]]


class NoBoard(AdderError):
    """Nothing is plugged in."""


def find_ways(groups: Sequence[Sequence[str]] = _GROUPS) -> list[Found]:
    """One way of each group, with what it finds."""
    found = []
    for names in groups:
        installed = (METHODS[name] for name in names if METHODS[name].missing() is None)
        ways = ((method, method.devices()) for method in installed)
        first = next(((method, devices) for method, devices in ways if devices), None)
        if first:
            found.append(first)
    return found


def nothing_found() -> str:
    """The sentence for when no way leads to a board."""
    probes = usb_probes()
    if probes:
        return (
            f"A debug probe is connected ({', '.join(map(str, probes))}), but nothing that can use it is installed; "
            "`build/venv/bin/pip install -e '.[flash]'` gets pyOCD; J-Link Commander, nrfjprog and OpenOCD do, too."
        )
    return (
        "No board was found: plug in a debug probe, or put the board into its bootloader "
        "(docs/flashing.md has each board's way)."
    )


def choose_way(image: Image, probe: str | None = None, port: str | None = None) -> Found:
    """The way that is open and that may write this image; an option that names a device narrows the choice."""
    if port is not None and Path(port).is_dir():
        drives = find_drives([Path(port)])
        if not drives:
            raise AdderError(f"{port} is a folder, but not the drive of an nRF52840's UF2 bootloader ({INFO} tells).")
        return METHODS["uf2"], drives
    if port is not None and port.startswith("/") and not Path(port).exists():
        raise AdderError(f"There is no {port}: is the board plugged in? Without --port, it is looked for.")
    groups = [names for names in _GROUPS if (probe if names is _PROBES else port) or not (probe or port)]
    found = find_ways(groups)
    if not found:
        raise NoBoard(nothing_found())
    refusals = [method.room(devices[0]).refusal(image) for method, devices in found]
    fitting = [way for way, refusal in zip(found, refusals, strict=True) if refusal is None]
    if not fitting:
        raise AdderError(next(refusal for refusal in refusals if refusal))
    if len(fitting) > 1:
        ways = ", ".join(f"{method.name}: {', '.join(map(str, devices))}" for method, devices in fitting)
        raise AdderError(f"There are several ways to a board ({ways}); choose one with --method.")
    return fitting[0]


def named_way(name: str) -> Found:
    """The way that was asked for."""
    method = METHODS[name]
    missing = method.missing()
    if missing:
        raise AdderError(missing)
    return method, method.devices()


def check_board(board: Board) -> None:
    """Refuse a board that has no flash of its own."""
    if board.flash_kind != FLASHED:
        simulated = f"; `adder simulate --board {board.name}` runs its kernel" if board.simulator else ""
        raise AdderError(
            f"{board.title} cannot be flashed{simulated}. `make flash BOARD=nrf52840` is for a board with that chip."
        )


def show(image: Image) -> None:
    """A table of what will be written."""
    rows = table("address", right=("bytes",))
    rows.add_column("what", overflow="fold")
    for piece in image.pieces:
        rows.add_row(f"{piece.address:#010x}", f"{len(piece.data):,}", piece.what)
    console().print(rows)


def check_uicr(method: Method, device: Device, settings: Sequence[Setting], folder: Path) -> Sequence[Setting]:
    """What will be written to the chip's UICR; says it, and what else there is to say of it."""
    if not isinstance(method, ProbeMethod) or not settings:
        return ()
    out = console()
    findings = compare(settings, method.read_words(device, [setting.address for setting in settings], folder))
    if findings.unknown:
        out.print("UICR could not be read and stays as it is (docs/flashing.md says what the board needs there).")
    for what in dict.fromkeys(setting.what for setting in findings.conflicts):
        out.print(f"UICR says otherwise than the board needs, and stays as it is: {what}.")
    for what in dict.fromkeys(setting.what for setting in findings.write):
        out.print(f"UICR is written, too: {what}.")
    return findings.write


def write_uicr(method: Method, device: Device, settings: Sequence[Setting], folder: Path) -> None:
    """Write these words, and see that they are there."""
    assert isinstance(method, ProbeMethod)
    method.write_words(device, {setting.address: setting.value for setting in settings}, folder)
    words = method.read_words(device, [setting.address for setting in settings], folder)
    missing = compare(settings, words)
    if missing.unknown or missing.write or missing.conflicts:
        raise AdderError(f"Kernel and apps are written, but {method.title} has not written UICR.")


def write_board(
    image: Image, board: Board, way: Found, wanted: str | None, dry_run: bool, settings: Sequence[Setting] = ()
) -> None:
    """Write the image to the one device that is meant, and what of the settings its UICR lacks."""
    method, devices = way
    device = method.choose(devices, wanted)
    room = method.room(device)
    refusal = room.refusal(image)
    image = image.without_directory_beyond(room.region.end)
    if refusal:
        raise AdderError(refusal)
    out = console()
    folder = board.build / "flash"
    if dry_run:
        for line in method.plan(image, device, folder):
            out.print(line)
        if isinstance(method, ProbeMethod):
            for what in dict.fromkeys(setting.what for setting in settings):
                out.print(f"UICR, if that is erased: {what}.")
        return
    out.print(f"Writing through {method.title}: {device}")
    missing = check_uicr(method, device, settings, folder)
    verified = method.write(image, device, folder)
    if missing:
        write_uicr(method, device, missing, folder)
    out.print(f"{image.size:,} bytes written, {verified}; the board has been restarted.")


def export(image: Image, path: Path, dfu: str) -> None:
    """Write the image into a file that any tool can write to a board."""
    show(image)
    write_file(image, path, dfu)
    console().print(f"{path}: {path.stat().st_size:,} bytes")


def _device_option(method: str, probe: str | None, port: str | None) -> str | None:
    """The option that names a device for this method."""
    return probe if METHODS[method].option == "--probe" else port


@click.command(
    epilog="docs/flashing.md says, board by board, what to plug in where and which button to press.",
)
@click.option("--board", "board_name", default="nrf52840", show_default=True, metavar="BOARD", help="Which board.")
@click.option("--kernel", type=click.Path(path_type=Path), help="The kernel's ELF file.  [default: the board's build]")
@click.option("--no-kernel", is_flag=True, help="Write the apps and leave the kernel alone.")
@click.option(
    "--apps", "some_apps", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="Apps (.tbf, .tab), in place of all that are there; more can follow as arguments.",
)  # fmt: skip
@click.option(
    "--method", type=click.Choice(["auto", *METHODS]), default="auto", show_default=True,
    help="What to write through.",
)  # fmt: skip
@click.option("--probe", metavar="ID", help="Which probe, if there are several: (part of) its serial number.")
@click.option("--port", metavar="PORT", help="Which serial port or UF2 drive, if there are several.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, without doing it.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False),
    help="Write a file instead: .hex, .bin, .uf2, or .zip (a DFU package).",
)  # fmt: skip
@click.option(
    "--dfu", type=click.Choice(DFU_FORMATS), default=NORDIC, show_default=True,
    help="Whose bootloader a .zip is for.",
)  # fmt: skip
@click.argument("more_apps", metavar="[APPS...]", nargs=-1, type=click.Path(path_type=Path))
def flash(
    board_name: str,
    kernel: Path | None,
    no_kernel: bool,
    some_apps: Sequence[Path],
    more_apps: Sequence[Path],
    method: str,
    probe: str | None,
    port: str | None,
    dry_run: bool,
    out: Path | None,
    dfu: str,
) -> None:
    """Write the kernel, and apps if you name some, to a board.

    The probe, drive or port is found by itself. Without apps, those on the board stay.

    \b
    Ways (--method):
      pyocd     any debug probe, through pyOCD
      jlink     a J-Link (the nRF52840-DK has one), through SEGGER's JLinkExe
      nrfjprog  a J-Link, through Nordic's nrfjprog
      openocd   any debug probe, through OpenOCD
      uf2       the drive of a UF2 bootloader (Adafruit, makerdiary)
      dfu       the serial port of Nordic's bootloader (nRF52840 Dongle) or Adafruit's
      bossac    the serial port of an Arduino Nano 33 BLE
    """
    board = load_board(board_name)
    check_board(board)
    elf = None if no_kernel else kernel or board.build / "kernel.elf"
    image = load_image(elf, [*some_apps, *more_apps], board)
    if out is not None:
        export(image, out, dfu)
        return
    show(image)
    try:
        way = choose_way(image, probe, port) if method == "auto" else named_way(method)
    except NoBoard as error:
        if not dry_run:
            raise
        console().print(f"That would be written. {error}")
        return
    settings = [] if no_kernel else wanted_settings(read_manifest(board.name)["options"])
    write_board(image, board, way, _device_option(way[0].name, probe, port), dry_run, settings)
