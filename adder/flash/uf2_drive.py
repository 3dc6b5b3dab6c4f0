"""UF2 bootloaders: a drive appears, a file is copied to it, the board restarts."""

import os
import re
import string
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from adder.board import Region
from adder.errors import AdderError
from adder.files import check_plain
from adder.flash.formats import to_uf2
from adder.flash.image import Image
from adder.flash.method import Device, Method, Room, bar

INFO = "INFO_UF2.TXT"
MOST_INFO = 4096
"""Bytes that are read of it, however long it is: every drive that is mounted is asked, whoever made it."""

MOUNTS = Path("/proc/self/mounts")
"""Where Linux lists what is mounted."""

PATIENCE = 20.0
"""Seconds in which the drive must be gone after the last block."""

_CHUNK = 64 * 512

# Adafruit's bootloader, src/usb/uf2/uf2cfg.h and linker/nrf52840.ld: it takes everything between the MBR and
# the 40 KB below itself, and ignores the rest.
_START, _END = 0x1000, 0xEA000
_OLD_END, _NEW_VERSION = 0xAD000, (0, 6, 1)
"""Where it ended before that version."""

_AFTER_SOFTDEVICE = {"6": 0x26000, "7": 0x27000}
"""Where the bootloader starts what follows the S140 of a major version."""


def _mounted() -> Iterator[Path]:
    """The folders where drives may be."""
    if MOUNTS.exists():
        for line in MOUNTS.read_text(errors="replace").splitlines():
            fields = line.split()
            if len(fields) > 2 and fields[2] in ("vfat", "msdos", "fuseblk", "exfat"):
                yield Path(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[1]))
    elif sys.platform == "darwin":
        yield from Path("/Volumes").iterdir()
    elif sys.platform == "win32":
        yield from (Path(f"{letter}:/") for letter in string.ascii_uppercase)


def read_info(drive: Path) -> dict[str, str]:
    """What a drive says of itself; nothing if it is not a UF2 drive."""
    path = drive / INFO
    try:
        if path.is_symlink() or not path.is_file():
            return {}
        with path.open("rb") as file:
            text = file.read(MOST_INFO).decode(errors="replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.splitlines())
    info = {key.strip(): value.strip() for key, colon, value in pairs if colon}
    return {"Bootloader": text.partition("\n")[0].strip(), **info}


def room_end(bootloader: str) -> int:
    """Where what a bootloader takes ends, after the first line of its INFO_UF2.TXT."""
    version = re.search(r"Bootloader v?(\d+)\.(\d+)\.(\d+)", bootloader)
    return _OLD_END if version and tuple(map(int, version.groups())) < _NEW_VERSION else _END


def find_drives(folders: Iterable[Path]) -> list[Device]:
    """The UF2 drives of nRF52840 boards among these folders."""
    found = []
    for folder in folders:
        info = read_info(folder)
        if "nrf52840" in " ".join(info.values()).lower():
            found.append(Device(str(folder), info.get("Model", "UF2")))
    return found


def start_expected(softdevice: str) -> tuple[int, ...]:
    """Where the bootloader starts an image, after what its INFO_UF2.TXT says of the SoftDevice.

    An image at 0x1000 replaces the SoftDevice, so it is always right.
    """
    version = re.search(r"S140\D+(\d+)\.", softdevice)
    if version and version[1] in _AFTER_SOFTDEVICE:
        return (0x1000, _AFTER_SOFTDEVICE[version[1]])
    return (0x1000,) if softdevice else (0x1000, *_AFTER_SOFTDEVICE.values())


class Uf2(Method):
    """A UF2 bootloader's drive."""

    name = "uf2"
    title = "UF2 drive"
    option = "--port"
    thing = "UF2 drive"
    nothing = (
        "No UF2 drive of an nRF52840 is mounted: press the board's reset button twice, quickly "
        "(docs/flashing.md has each board's way), and mount the drive if your system does not."
    )

    def missing(self) -> str | None:
        return None

    def devices(self) -> list[Device]:
        return find_drives(_mounted())

    def choose(self, devices: Iterable[Device], wanted: str | None) -> Device:
        named = find_drives([Path(wanted)]) if wanted else []
        return super().choose(named or list(devices), wanted)

    def room(self, device: Device | None) -> Room:
        info = read_info(Path(device.id)) if device else {}
        region = Region(_START, room_end(info.get("Bootloader", "")) - _START)
        starts = start_expected(info.get("SoftDevice", ""))
        return Room("the UF2 bootloader", region, "the MBR", "what the UF2 bootloader does not take", starts)

    def plan(self, image: Image, device: Device, folder: Path) -> list[str]:
        return [f"copy {len(to_uf2(image)):,} bytes to {Path(device.id) / 'ADDER.UF2'}", "wait until the drive is gone"]

    def write(self, image: Image, device: Device, folder: Path) -> str:
        drive = Path(device.id)
        _copy(to_uf2(image), drive / "ADDER.UF2")
        deadline = time.monotonic() + PATIENCE
        while read_info(drive):
            if time.monotonic() > deadline:
                raise AdderError(
                    f"The board has not restarted: its bootloader did not take the file; "
                    f"unplug it, plug it in again, and look at {drive / INFO}."
                )
            time.sleep(0.1)
        return "the bootloader has taken all blocks"


def _copy(contents: bytes, path: Path) -> None:
    """Write a file to the drive, block after block, so that the progress is the board's.

    The board restarts when it has the last block, and the drive is gone; so an error at the very end says
    nothing, and whether all is well is seen when the drive is gone.
    """
    check_plain(path)  # a bootloader's drive has no links, and what is none may lead anywhere
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for name in ("O_SYNC", "O_BINARY", "O_NOFOLLOW"):
        flags |= getattr(os, name, 0)
    file = os.open(path, flags)
    done = 0
    try:
        with bar(f"Writing {path}", len(contents)) as progress:
            while done < len(contents):
                count = os.write(file, contents[done : done + _CHUNK])
                done += count
                progress.advance(count)
            os.fsync(file)
    except OSError as error:
        if done + _CHUNK < len(contents):
            raise AdderError(f"{path} could not be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            os.close(file)
