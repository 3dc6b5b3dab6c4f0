"""Files whose numbers are chosen to hurt: what reads them has to be through soon, and says what is wrong."""

import signal
import struct
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

NUMBERS = (-(1 << 70), -(1 << 31), -512, -1, 0, 1, 2, 511, 512, 513, 4096, 1 << 31, (1 << 32) - 1, 1 << 33, 1 << 70)
"""That a field of an archive may hold."""

WORDS = (0, 1, 2, 3, 4, 16, 40, 52, 0x7F, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)
"""That a field of an ELF file may hold."""


class TooLongError(AssertionError):
    """It has taken more of the processor's time than it may."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """So much of the processor's time, and no more: what others take of it does not count."""

    def stop(_: int, __: object) -> None:
        raise TooLongError(f"It was not through after {seconds} s.")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def tar_number(value: int, width: int = 12) -> bytes:
    """A number as a header has it: octal if it fits, else in binary, of either sign."""
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    return (b"\x80" if value >= 0 else b"\xff") + (value % 256 ** (width - 1)).to_bytes(width - 1, "big")


def tar_header(name: str, size: int, kind: bytes = b"0", right: bool = True) -> bytes:
    """A header with any size."""
    head = bytearray(tarfile.TarInfo(name[:90]).tobuf(tarfile.USTAR_FORMAT)[:512])
    head[124:136] = tar_number(size)
    head[156:157] = kind
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % (sum(head) + (not right))
    return bytes(head)


def pax(records: Sequence[tuple[str, str]]) -> bytes:
    """The records of a pax header, each with the right length."""
    out = b""
    for key, value in records:
        rest = f" {key}={value}\n".encode()
        length = len(rest) + 1
        while len(str(length)) + len(rest) != length:
            length += 1
        out += str(length).encode() + rest
    return out


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


ENDLESS = tar_header("y", 0) + tar_header("x", -512) + bytes(1024)
"""A size that leads back to the header that has it."""

ENDLESS_PAX = tar_header("p", 13, b"x") + padded(b"13 size=-512\n") + tar_header("x", 0) + bytes(1024)

MANY_DIGITS = tar_header("p", 1 << 20, b"x") + b"1" * (1 << 20) + tar_header("x", 0) + bytes(1024)
"""In which a search for what begins with digits takes quadratic time."""

DEEP = {
    "dots": ".".join("a" * 20000) + " = 1",
    "brackets": "[apps]\nx = " + "[" * 100000,
    "braces": "x = " + "{a = " * 5000,
    "tables": "[" + ".".join("a" * 20000) + "]",
    "arrays": "x = " + "[" * 200 + "]" * 200,
    "decimal": "only = " + "9" * 5000,
    "hexadecimal": "x = 0x" + "f" * 5000,
    "a date that is none": "x = 0000-00-00T99:99:99+99:99",
}
"""TOML that Python does not read, or print."""


def tab_of(metadata: bytes) -> bytes:
    return tar_header("metadata.toml", len(metadata)) + padded(metadata) + bytes(1024)


def with_word(data: bytes, at: int, value: int, width: int) -> bytes:
    return data[:at] + (value % (1 << 8 * width)).to_bytes(width, "little") + data[at + width :]


def elf_fields(data: bytes) -> list[tuple[int, int]]:
    """Where each field of the header and of both tables of an ELF file is, and its bytes."""
    fields = [(at, 2) for at in (16, 18, 40, 42, 44, 46, 48, 50)] + [(at, 4) for at in (20, 24, 28, 32, 36)]
    segments_at, sections_at = struct.unpack_from("<II", data, 28)
    _, segments, _, sections, _ = struct.unpack_from("<HHHHH", data, 42)
    for first, number, size in ((segments_at, segments, 32), (sections_at, sections, 40)):
        fields += [(at, 4) for at in range(first, first + number * size, 4)]
    return fields
