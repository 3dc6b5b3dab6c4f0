"""What is written to a board, and the files that hold it."""

import binascii
import hashlib
import io
import json
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intelhex import IntelHex
from making import ElfMaker, make_tbf

from adder.board import load_board
from adder.errors import AdderError
from adder.flash.formats import adafruit_init_packet, encode, nordic_init_packet, to_dfu, to_hex, to_uf2
from adder.flash.image import NO_DIRECTORY, Image, Piece, apps_piece, kernel_pieces, load_image, make_image
from adder.image.flash_image import walk_apps

BOARD = load_board("nrf52840")


@st.composite
def images(draw: st.DrawFn) -> Image:
    """Up to four pieces in the nRF52840's flash, some of them neighbours."""
    address = draw(st.integers(0, 0x3000))
    pieces = []
    for number in range(draw(st.integers(1, 4))):
        data = draw(st.binary(min_size=1, max_size=700))
        pieces.append(Piece(f"piece {number}", address, data))
        address += len(data) + draw(st.sampled_from([0, 1, 255, 256, 5000]))
    return make_image(pieces)


def flash_after(image: Image, size: int = 0x10000) -> bytes:
    """Erased flash after the image was written."""
    flash = bytearray(b"\xff" * size)
    for piece in image.pieces:
        flash[piece.address : piece.end] = piece.data
    return bytes(flash)


def read_uf2(data: bytes) -> dict[int, bytes]:
    """The blocks of a UF2 file by address, after the format's specification."""
    assert len(data) % 512 == 0
    found = {}
    for number in range(len(data) // 512):
        block = data[number * 512 : number * 512 + 512]
        magic, magic_2, flags, address, size, this, count, family = struct.unpack_from("<8I", block)
        assert (magic, magic_2, block[-4:]) == (0x0A324655, 0x9E5D5157, bytes.fromhex("306fb10a"))
        assert (flags, size, family) == (0x2000, 256, 0xADA52840)
        assert (this, count) == (number, len(data) // 512)
        assert address % 256 == 0
        found[address] = block[32 : 32 + size]
    return found


@given(images())
def test_hex_holds_the_same_bytes_at_the_same_addresses(image: Image) -> None:
    read = IntelHex()
    read.loadhex(io.StringIO(to_hex(image).decode()))
    assert [read.tobinstr(piece.address, piece.end - 1) for piece in image.pieces] == [
        piece.data for piece in image.pieces
    ]
    assert len(read) == image.size


@given(images())
def test_bin_holds_everything_from_start_to_end(image: Image) -> None:
    assert encode(image, ".bin") == flash_after(image)[image.start : image.end]


@given(images())
def test_uf2_holds_the_same_flash(image: Image) -> None:
    flash = bytearray(b"\xff" * 0x10000)
    for address, data in read_uf2(to_uf2(image)).items():
        flash[address : address + 256] = data
    assert bytes(flash) == flash_after(image)


@given(images())
def test_uf2_has_no_block_without_bytes_of_the_image(image: Image) -> None:
    for address in read_uf2(to_uf2(image)):
        assert any(piece.address < address + 256 and address < piece.end for piece in image.pieces)


@settings(max_examples=20)
@given(images(), st.sampled_from(["nordic", "adafruit"]))
def test_a_dfu_package_holds_whole_words_of_firmware(image: Image, kind: str) -> None:
    archive = zipfile.ZipFile(io.BytesIO(to_dfu(image, kind)))
    manifest = json.loads(archive.read("manifest.json"))["manifest"]["application"]
    firmware = archive.read(manifest["bin_file"])
    assert len(firmware) % 4 == 0
    assert firmware.startswith(image.flat())
    assert len(firmware) - len(image.flat()) < 4
    assert archive.read(manifest["dat_file"])
    assert to_dfu(image, kind) == to_dfu(image, kind)


def read_protobuf(data: bytes) -> dict[int, int | bytes]:
    """The fields of a protobuf message."""

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    position, found = 0, {}
    while position < len(data):
        key = varint()
        if key & 7 == 0:
            found[key >> 3] = varint()
        else:
            assert key & 7 == 2
            length = varint()
            found[key >> 3] = data[position : position + length]
            position += length
    return found


def nested(data: bytes, *path: int) -> dict[int, int | bytes]:
    for field in path:
        inner = read_protobuf(data)[field]
        assert isinstance(inner, bytes)
        data = inner
    return read_protobuf(data)


def test_nordics_init_packet_says_what_the_dongle_checks() -> None:
    image = make_image([Piece("kernel", 0x1000, bytes(range(256)) * 40)])
    archive = zipfile.ZipFile(io.BytesIO(to_dfu(image, "nordic")))
    packet, firmware = archive.read("adder.dat"), archive.read("adder.bin")
    assert nested(packet, 1)[1] == 1  # a command: init
    init = nested(packet, 1, 2)
    assert (init[1], init[2], init[3], init[4], init[7]) == (1, 52, b"\0", 0, len(firmware))
    assert nested(packet, 1, 2, 8) == {1: 3, 2: hashlib.sha256(firmware).digest()[::-1]}
    assert nested(packet, 1, 2, 10) == {1: 1, 2: b""}


def test_nordics_init_packet_is_that_of_nordics_tool() -> None:
    """The packet that pc-nrfutil 6 makes of the same firmware."""
    digest = hashlib.sha256(b"Adder").digest()[::-1].hex()
    fields = "080110341a01002000280030003805422408031220" + digest + "4800520408011200"
    init = bytes.fromhex(fields)
    expected = b"\x0a" + bytes([len(init) + 4]) + b"\x08\x01\x12" + bytes([len(init)]) + init
    assert nordic_init_packet(b"Adder") == expected


def test_adafruits_init_packet_ends_with_the_crc() -> None:
    packet = adafruit_init_packet(b"123456789")
    assert packet == bytes.fromhex("5200 ffff ffffffff 0100 feff b129")
    assert binascii.crc_hqx(b"123456789", 0xFFFF) == 0x29B1


def test_an_unknown_suffix_is_refused() -> None:
    with pytest.raises(AdderError, match=r"'\.s19' is not a format.*\.hex, \.bin, \.uf2 or \.zip"):
        encode(make_image([Piece("kernel", 0, b"x")]), ".s19")


def test_pieces_that_overlap_are_refused() -> None:
    with pytest.raises(AdderError, match=r"kernel .0x0 to 0x8. overlaps the app x, which begins at 0x7"):
        make_image([Piece("app x", 7, b"x"), Piece("kernel", 0, b"12345678")])


def test_nothing_to_write_is_refused() -> None:
    with pytest.raises(AdderError, match="nothing to write"):
        load_image(None, [], BOARD)


# -- Kernel and apps ----------------------------------------------------------------


def test_the_kernel_lies_where_its_elf_file_says(tiny: Path) -> None:
    (piece,) = kernel_pieces(tiny / "kernel.elf")
    assert piece.what == "kernel"
    assert 0 < len(piece.data) < 4096


def test_initialised_data_is_written_to_its_load_address(elf: ElfMaker) -> None:
    path = elf([(0x1000, 0x1000, b"code"), (0x20000000, 0x1004, b"data"), (0x20001000, 0x20001000, b"")])
    assert kernel_pieces(path) == [Piece("kernel", 0x1000, b"codedata")]


def test_what_is_no_elf_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kernel.elf"
    with pytest.raises(AdderError, match="does not exist; `make kernel"):
        kernel_pieces(path)
    path.write_bytes(b"no elf")
    with pytest.raises(AdderError, match="is not an ELF file"):
        kernel_pieces(path)


def app_files(folder: Path, **sizes: int) -> list[Path]:
    paths = []
    for name, size in sizes.items():
        paths.append(folder / f"{name}.tbf")
        paths[-1].write_bytes(make_tbf(name, size))
    return paths


def test_apps_lie_in_the_boards_app_flash(tmp_path: Path) -> None:
    piece = apps_piece(app_files(tmp_path, hello=1024, blink=512), BOARD)
    assert piece.what == "apps hello, blink"
    assert piece.address == BOARD.app_flash.start
    assert [entry.app.name for entry in walk_apps(piece.data, piece.address)] == ["hello", "blink"]


def test_the_boards_directory_of_its_apps_is_erased_but_not_where_all_between_would_be_sent_too(tmp_path: Path) -> None:
    image = load_image(None, app_files(tmp_path, hello=1024), BOARD)
    assert [piece.what for piece in image.pieces] == ["app hello", NO_DIRECTORY]
    assert image.end == BOARD.app_flash.end
    assert set(image.pieces[-1].data) == {0xFF}
    assert len(image.flat()) == 4096


@pytest.mark.parametrize("size", [512, 2048, 4096, 8192])
def test_erased_flash_follows_the_last_app(tmp_path: Path, size: int) -> None:
    """Or the kernel would find an app that was there before."""
    piece = apps_piece(app_files(tmp_path, hello=size), BOARD)
    assert len(piece.data) % 4096 == 0
    assert len(piece.data) >= size + 16
    assert piece.data[size:] == b"\xff" * (len(piece.data) - size)


def test_a_kernel_that_reaches_into_the_app_flash_is_refused(tmp_path: Path, elf: ElfMaker) -> None:
    path = elf([(0x7F000, 0x7F000, b"x" * 0x1001)])
    with pytest.raises(AdderError, match=r"kernel .* overlaps the app hello, which begins at 0x80000"):
        load_image(path, app_files(tmp_path, hello=512), BOARD)
