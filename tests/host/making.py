"""Makes Tock binaries and ELF files for tests."""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

from adder.apps.tbf import Header, Main, PackageName, Tbf


def make_tbf(name: str, size: int = 512, binary: bytes = b"", **header: object) -> bytes:
    """A TBF of exactly `size` bytes."""
    tlvs = (Main(0, 0, 512), PackageName(name), *header.pop("tlvs", ()))
    made = Header(size, tlvs, **header)
    return Tbf(made, binary=binary.ljust(size - made.size, b"\0")).encode()


ElfMaker = Callable[[Sequence[tuple[int, int, bytes]]], Path]
"""Makes an ELF file of segments: address, load address, contents."""


def make_elf(segments: Sequence[tuple[int, int, bytes]]) -> bytes:
    """An ELF file for ARM with these segments and nothing else."""
    offset = 52 + 32 * len(segments)
    header = b"\x7fELF\x01\x01\x01" + bytes(9)
    header += struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, 0, 52, 0, 0, 52, 32, len(segments), 40, 0, 0)
    table, contents = b"", b""
    for address, load_address, data in segments:
        size = len(data)
        table += struct.pack("<8I", 1, offset + len(contents), address, load_address, size, size, 5, 4)
        contents += data
    return header + table + contents
