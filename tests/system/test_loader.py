"""What the loader makes of the programs in flash, good and bad."""

import struct
from pathlib import Path

import pytest

from adder.board import ROOT

HELLO = ROOT / "build" / "apps" / "hello.tbf"


def checksummed(header: bytearray) -> bytes:
    """The header with its checksum set right."""
    size = struct.unpack_from("<H", header, 2)[0]
    struct.pack_into("<I", header, 12, 0)
    total = 0
    for (word,) in struct.iter_unpack("<I", header[:size]):
        total ^= word
    struct.pack_into("<I", header, 12, total)
    return bytes(header)


def patched(offset: int, layout: str, value: int) -> bytes:
    """hello.tbf with one number of its header changed, and the checksum right."""
    data = bytearray(HELLO.read_bytes())
    struct.pack_into(layout, data, offset, value)
    return checksummed(data)


def find_tlv(kind: int) -> int:
    """Where the TLV's data begins in hello.tbf."""
    data, at = HELLO.read_bytes(), 16
    while at < struct.unpack_from("<H", data, 2)[0]:
        found, length = struct.unpack_from("<HH", data, at)
        if found == kind:
            return at + 4
        at += 4 + (length + 3) // 4 * 4
    raise LookupError(kind)


def boot_raw(simulation, *programs: bytes):
    """A simulation whose flash holds exactly these bytes, one after the other."""
    board = simulation()
    with Path(board.image).open("r+b") as image:
        image.write(b"".join(programs) + b"\xff" * 16)
    return board


def bad_checksum() -> bytes:
    data = bytearray(HELLO.read_bytes())
    data[12] ^= 1
    return bytes(data)


SKIPPED = {
    "a TLV that reaches beyond the header": (
        lambda: patched(find_tlv(9) - 2, "<H", 4000),
        "header entry reaches beyond the header",
    ),
    "a main header of the wrong length": (lambda: patched(find_tlv(1) - 2, "<H", 8), "main header of the wrong length"),
    "a program outside its flash": (
        lambda: patched(find_tlv(9), "<I", 0x7FFFFFFF),
        "the program lies outside its own flash",
    ),
    "another kernel version": (lambda: patched(find_tlv(8), "<H", 3), "made for another version of the kernel"),
}


@pytest.mark.parametrize("what", SKIPPED)
def test_a_bad_program_is_skipped_with_a_clear_line_and_the_next_one_runs(simulation, what) -> None:
    make, message = SKIPPED[what]
    with boot_raw(simulation, make(), HELLO.read_bytes()) as board:
        board.expect(rf"^flash at 0x21000000: {message}; skipped")
        board.expect(r"^hello: hello, 2 of 5", timeout=20)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (bad_checksum, "wrong checksum"),
        (lambda: patched(4, "<I", 0x7FFFFFFC), "impossible sizes in the header"),
        (lambda: b"\x01" * 64, "not a TBF version 2 header"),
    ],
)
def test_a_header_that_cannot_be_trusted_ends_the_list(simulation, program, message) -> None:
    with boot_raw(simulation, HELLO.read_bytes(), program(), HELLO.read_bytes()) as board:
        board.expect(rf"^flash at 0x21001000: {message}; the list of apps ends here")
        board.expect(r"^hello: hello, 2 of 5", timeout=20)
        assert board.transcript.count("app hello: slot") == 1


def test_a_disabled_program_is_not_started(simulation) -> None:
    with boot_raw(simulation, patched(8, "<I", 0), HELLO.read_bytes()) as board:
        board.expect(r"^app hello: disabled")
        board.expect(r"^app hello: slot 0")


def test_a_program_that_wants_too_much_ram_is_not_started(simulation) -> None:
    with boot_raw(simulation, patched(find_tlv(9) + 8, "<I", 0x100000), HELLO.read_bytes()) as board:
        board.expect(r"^app hello: not started, no room for 1048576 bytes of RAM")
        board.expect(r"^app hello: slot 0")


def test_more_programs_than_slots(simulation) -> None:
    with boot_raw(simulation, *[HELLO.read_bytes()] * 18) as board:
        board.expect(r"^app hello: slot 15")
        board.expect(r"^app hello: not started, all 16 process slots are in use")
        board.expect(r"^hello: hello, 2 of 5", timeout=30)


def test_a_name_cannot_write_on_the_console(simulation) -> None:
    at = find_tlv(3)
    with boot_raw(simulation, patched(at, "<I", 0x1B5B324A)) as board:
        board.expect(r"^app J2\[\?o: slot 0")
        assert "\x1b" not in board.transcript.split("slot 0")[0]
