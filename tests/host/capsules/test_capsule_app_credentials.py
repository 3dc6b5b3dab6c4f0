"""capsules/virtual/app_credentials.py and sha256.py: a hash that an app carries is that app's, or it is refused."""

import hashlib
import random
import struct

import pytest
from app_flash import PAGE, Board, checked
from cells import Buffer
from kernel import ErrorCode

from capsules.virtual.sha256 import BLOCK, DIGEST, Sha256

SIZE = PAGE * 32


@pytest.mark.parametrize("length", [0, 3, 55, 56, 63, 64, 65, 119, 120, 1000])
def test_the_hash_is_that_of_everybody_else(length) -> None:
    data = random.Random(length).randbytes(length)
    padded = data + b"\x80" + bytes(-(length + 9) % BLOCK) + struct.pack(">Q", 8 * length)
    sha, buffer = Sha256(Buffer(BLOCK + DIGEST)), Buffer(BLOCK)
    sha.begin()
    for at in range(0, len(padded), BLOCK):
        buffer.set(0, padded[at : at + BLOCK])
        sha.feed(buffer)
    assert bytes(sha.byte(index) for index in range(32)) == hashlib.sha256(data).digest()


def footer(kind: int, data: bytes) -> bytes:
    return struct.pack("<HHI", 128, 4 + len(data), kind) + data


def app(body: int, *footers: bytes, name: str = "a", end: int | None = None) -> bytes:
    """A program whose footers begin behind so many bytes of body. For `None` among them: the right SHA-256."""
    header_size = 16 + 24 + 12
    end = header_size + body if end is None else end
    known = [footer(3, bytes(32)) if one is None else one for one in footers]
    size = header_size + body + sum(map(len, known))
    size += -size % 256  # what the MPU can cover
    tlvs = struct.pack("<HHIIIII", 9, 20, 0, 0, 4096, end, 1) + struct.pack("<HH8s", 3, 8, name.encode().ljust(8, b"_"))
    header = checked(bytearray(struct.pack("<HHIII", 2, header_size, size, 1, 0) + tlvs))
    covered = header + random.Random(body).randbytes(body)
    made = [footer(3, hashlib.sha256(covered).digest()) if one is None else one for one in footers]
    return (covered + b"".join(made)).ljust(size, b"\0")


@pytest.mark.parametrize("body", [12, 76, 139, 140, 1000, 2500])
def test_an_app_with_the_right_hash_is_installed_and_one_that_was_changed_anywhere_is_not(body) -> None:
    good = app(body, None)
    assert install(good) == 0
    for at in {53, 52 + body // 2, 52 + body - 1, 52 + body + 8, 52 + body + 39, 44}:
        bad = bytearray(good)
        bad[at] ^= 0x10
        if at < 52:
            bad[12 + at % 4] ^= 0x10  # the header's own checksum is right
        status, board = tried(bytes(bad))
        assert status == ErrorCode.NOACK, at
        assert board.store.apps() == 0
        assert board.change(("install", good)) == 0, "and nothing is left of it"


def tried(data: bytes) -> "tuple[int, Board]":
    board = Board(bytearray(b"\xff" * SIZE)).booted()
    return board.change(("install", data)), board


def install(data: bytes) -> int:
    return tried(data)[0]


def test_several_apps_at_once_are_all_looked_at() -> None:
    board = Board(bytearray(b"\xff" * SIZE)).booted()
    bad = bytearray(app(700, None, name="b"))
    bad[300] ^= 1
    assert board.change(("install", app(300, None)), ("install", bytes(bad))) == ErrorCode.NOACK
    assert board.store.apps() == 0
    assert board.change(("install", app(300, None)), ("install", app(700, None, name="b"))) == 0
    assert board.store.apps() == 2


def test_signatures_and_reserved_footers_neither_help_nor_harm() -> None:
    assert install(app(300)) == 0
    assert install(app(300, footer(6, bytes(64)), footer(0, bytes(12)))) == 0
    assert install(app(300, footer(6, bytes(64)), None, footer(0, bytes(100)))) == 0
    assert install(app(300, footer(6, bytes(64)), footer(3, bytes(32)))) == ErrorCode.NOACK


@pytest.mark.parametrize("end", [0, 4, 51, 1 << 24, 0xFFFFFFFF, 352, 353, 380, 392])
def test_a_header_that_lies_about_where_its_program_ends_does_no_harm(end) -> None:
    status = install(app(300, None, end=end))
    assert status in ({0, ErrorCode.NOACK} if end == 352 else {0})


def test_footers_of_random_bytes_end() -> None:
    dice = random.Random(1)
    for _ in range(60):
        junk = bytearray(dice.randbytes(dice.randrange(0, 200)))
        for at in range(0, len(junk) - 8, dice.choice((8, 12, 40))):
            junk[at : at + 4] = struct.pack("<HH", dice.choice((128, 128, 1)), dice.choice((0, 4, 36, 36, 60, 0xFFFF)))
            junk[at + 4 : at + 8] = struct.pack("<I", dice.choice((3, 3, 0, 6)))
        assert install(app(dice.randrange(12, 200), bytes(junk))) in (0, ErrorCode.NOACK)
