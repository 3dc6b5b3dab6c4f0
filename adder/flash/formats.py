"""Files that other tools write to a chip: Intel hex, plain bytes, UF2, and Nordic's DFU packages."""

import binascii
import hashlib
import io
import json
import struct
import zipfile
from pathlib import Path

from intelhex import IntelHex

from adder.errors import AdderError
from adder.files import write_bytes
from adder.flash.image import Image

UF2_FAMILY = 0xADA52840
"""The family of the nRF52840 in UF2 files."""

UF2_PAYLOAD = 256
_UF2_MAGIC = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
_UF2_HAS_FAMILY = 0x2000

NORDIC = "nordic"
ADAFRUIT = "adafruit"
DFU_FORMATS = (NORDIC, ADAFRUIT)

SUFFIXES = (".hex", ".bin", ".uf2", ".zip")


def to_hex(image: Image) -> bytes:
    """Intel hex: each piece at its address."""
    made = IntelHex()
    for piece in image.pieces:
        made.puts(piece.address, piece.data)
    out = io.StringIO()
    made.write_hex_file(out)
    return out.getvalue().encode()


def to_uf2(image: Image) -> bytes:
    """UF2: blocks of 512 bytes, each with 256 bytes of flash and their address."""
    flash: dict[int, bytearray] = {}
    for piece in image.pieces:
        for address in range(piece.address - piece.address % UF2_PAYLOAD, piece.end, UF2_PAYLOAD):
            block = flash.setdefault(address, bytearray(b"\xff" * UF2_PAYLOAD))
            low, high = max(address, piece.address), min(address + UF2_PAYLOAD, piece.end)
            block[low - address : high - address] = piece.data[low - piece.address : high - piece.address]
    begin, begin_2, end = _UF2_MAGIC
    out = bytearray()
    for number, (address, data) in enumerate(sorted(flash.items())):
        out += struct.pack(
            "<8I476sI",
            *(begin, begin_2, _UF2_HAS_FAMILY, address, UF2_PAYLOAD, number, len(flash), UF2_FAMILY),
            *(bytes(data), end),
        )
    return bytes(out)


def _varint(value: int) -> bytes:
    """A number as protobuf writes it: seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, value: int | bytes) -> bytes:
    """A protobuf field: a number, or bytes (a message is bytes, too)."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def nordic_init_packet(firmware: bytes) -> bytes:
    """The init packet for Nordic's bootloader of SDK 15 and later, without a signature.

    The names are those of Nordic's dfu-cc.proto. The bootloader that the nRF52840 Dongle is sold
    with takes such packets for hardware version 52 and no SoftDevice.
    """
    sha256_little_endian = hashlib.sha256(firmware).digest()[::-1]
    init = b"".join(
        [
            _field(1, 1),  # fw_version
            _field(2, 52),  # hw_version
            _field(3, _varint(0)),  # sd_req: none
            _field(4, 0),  # type: application
            _field(5, 0),  # sd_size
            _field(6, 0),  # bl_size
            _field(7, len(firmware)),  # app_size
            _field(8, _field(1, 3) + _field(2, sha256_little_endian)),  # hash: SHA-256
            _field(9, 0),  # is_debug
            _field(10, _field(1, 1) + _field(2, b"")),  # boot_validation: a CRC that the bootloader makes
        ]
    )
    command = _field(1, 1) + _field(2, init)  # op_code: init
    return _field(1, command)


def adafruit_init_packet(firmware: bytes) -> bytes:
    """The init packet of Nordic's older bootloader, which Adafruit's bootloader has kept."""
    any_revision, any_version, any_softdevice = 0xFFFF, 0xFFFFFFFF, 0xFFFE
    crc = binascii.crc_hqx(firmware, 0xFFFF)
    return struct.pack("<HHIHHH", 0x52, any_revision, any_version, 1, any_softdevice, crc)


def dfu_firmware(image: Image) -> bytes:
    """What a DFU package carries: all bytes from start to end, in whole words."""
    firmware = image.flat()
    return firmware + b"\xff" * (-len(firmware) % 4)


def to_dfu(image: Image, kind: str) -> bytes:
    """A DFU package: a zip of the firmware, its init packet, and a manifest."""
    firmware = dfu_firmware(image)
    application: dict[str, object] = {"bin_file": "adder.bin", "dat_file": "adder.dat"}
    manifest: dict[str, object] = {"application": application}
    if kind == NORDIC:
        packet = nordic_init_packet(firmware)
    else:
        packet = adafruit_init_packet(firmware)
        application["init_packet_data"] = {
            "application_version": 0xFFFFFFFF,
            "device_revision": 0xFFFF,
            "device_type": 0x52,
            "firmware_crc16": binascii.crc_hqx(firmware, 0xFFFF),
            "softdevice_req": [0xFFFE],
        }
        manifest["dfu_version"] = 0.5
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in (
            ("manifest.json", json.dumps({"manifest": manifest}, indent=4).encode()),
            ("adder.dat", packet),
            ("adder.bin", firmware),
        ):
            # With a fixed date the same image always makes the same package.
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), contents, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def encode(image: Image, suffix: str, dfu: str = NORDIC) -> bytes:
    """The image in the format that a file's suffix names."""
    if suffix == ".hex":
        return to_hex(image)
    if suffix == ".bin":
        return image.flat()
    if suffix == ".uf2":
        return to_uf2(image)
    if suffix == ".zip":
        return to_dfu(image, dfu)
    raise AdderError(
        f"'{suffix}' is not a format that can be written; the file's name must end in {_listed(SUFFIXES)}."
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + " or " + names[-1]


def write_file(image: Image, path: Path, dfu: str = NORDIC) -> None:
    """Write the image in the format that the file's name says."""
    contents = encode(image, path.suffix.lower(), dfu)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, contents)
