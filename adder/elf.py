"""ELF files of others, opened so that no number in them is believed.

pyelftools goes by what the file says: tables of billions of entries, sections of gigabytes that are not in the file,
names that reach to its end. Some of its tables are read for each section, so what nobody here needs it does not see.
"""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adder.errors import AdderError
from adder.text import MEGABYTE, read_file

LARGEST = 64 * MEGABYTE
LONGEST_NAME = 16 << 10
MOST_SEGMENTS, MOST_SECTIONS = 256, 4096
"""A linked program has some ten of each; debugging and sections by function make it a hundred or two."""

_HEAD, _SEGMENT, _SECTION = 52, 32, 40
_NOTHING_IN_FILE = 8  # SHT_NOBITS
_ENTRY_SIZES = {2: 16, 4: 12, 6: 8, 9: 8, 11: 16}  # of symbols, relocations, the dynamic section
_STRINGS = 3
_COMPRESSED = 0x800
_SYMBOLS = (2, 11)
_LOAD, _NO_SEGMENT = 1, 0
_PLAIN = 1  # SHT_PROGBITS
_READ = (0, _PLAIN, 2, _STRINGS, 4, _NOTHING_IN_FILE, 9, 11)
"""Kinds of sections that somebody reads as what they are: symbols, strings, relocations."""


@contextmanager
def open_elf(path: Path) -> Iterator[Any]:
    """pyelftools' ELFFile; whatever is wrong with it, within too, is an AdderError that names the file."""
    with elf_in(read_file(path, LARGEST), str(path)) as elf:
        yield elf


@contextmanager
def elf_in(data: bytes, where: str) -> Iterator[Any]:
    """The same for its bytes."""
    from elftools.elf.elffile import ELFFile

    try:
        yield ELFFile(io.BytesIO(_checked(data)))
    except AdderError:
        raise
    except Exception as error:
        # The library fails in many ways.
        raise AdderError(f"{where} is not an ELF file: {str(error) or 'it is malformed'}.") from error


def _checked(data: bytes) -> bytes:
    """The file, if all that its tables speak of lies in it, each thing once; what nobody reads is plain bytes there."""
    if data[:4] != b"\x7fELF":
        raise ValueError("its first bytes are others")
    if data[4:6] != b"\1\1":
        raise ValueError("it is not for a little-endian processor of 32 bits")
    if len(data) < _HEAD:
        raise ValueError("it ends inside its header")
    segments_at, sections_at = struct.unpack_from("<II", data, 28)
    segment_size, segments, section_size, sections, names = struct.unpack_from("<HHHHH", data, 42)
    if (segments and segment_size != _SEGMENT) or (sections and section_size != _SECTION):
        raise ValueError("an entry of a table has a size that is not possible")
    if (sections_at != 0) != (sections != 0):
        raise ValueError("it does not say how many sections there are")
    if segments_at + segments * _SEGMENT > len(data) or sections_at + sections * _SECTION > len(data):
        raise ValueError("it ends inside a table")
    if segments > MOST_SEGMENTS or sections > MOST_SECTIONS:
        raise ValueError(f"it has more than {MOST_SEGMENTS} segments or {MOST_SECTIONS:,} sections")
    out = bytearray(data)
    held = 0
    for at in range(segments_at, segments_at + segments * _SEGMENT, _SEGMENT):
        kind, offset, _, _, size = struct.unpack_from("<5I", data, at)
        if kind == _LOAD:
            held += _size(data, offset, size)
        else:
            struct.pack_into("<I", out, at, _NO_SEGMENT)
    if held > 2 * len(data):
        raise ValueError("its segments overlap")
    held = 0
    tables: dict[int, tuple[int, int]] = {}  # of strings, by the section's number
    for number in range(sections):
        at = sections_at + number * _SECTION
        _, kind, flags, _, offset, size, _, _, _, entry = struct.unpack_from("<10I", data, at)
        if kind in (0, _NOTHING_IN_FILE):
            continue
        held += _size(data, offset, size)
        if flags & _COMPRESSED and (kind == _STRINGS or kind in _ENTRY_SIZES):
            raise ValueError("a table in it is compressed")
        if entry != _ENTRY_SIZES.get(kind, entry):
            raise ValueError("an entry of a section has a size that is not possible")
        if kind == _STRINGS:
            tables[number] = offset, offset + size
            if max(map(len, data[offset : offset + size].split(b"\0"))) > LONGEST_NAME:
                raise ValueError(f"a name in it has more than {LONGEST_NAME:,} bytes")
        elif kind not in _READ:
            struct.pack_into("<I", out, at + 4, _PLAIN)
    if held > 2 * len(data):
        raise ValueError("its sections overlap")
    _check_names(data, sections_at, sections, names, tables)
    return bytes(out)


def _check_names(data: bytes, sections_at: int, sections: int, names: int, tables: dict[int, tuple[int, int]]) -> None:
    """Whether the names of sections and symbols end in their tables, and do not say the same bytes again and again."""
    length = 0
    for number in range(sections):
        _, kind, _, _, offset, size, link = struct.unpack_from("<7I", data, sections_at + number * _SECTION)
        length += _length(data, tables.get(names), struct.unpack_from("<I", data, sections_at + number * _SECTION)[0])
        if kind in _SYMBOLS:
            size -= size % _ENTRY_SIZES[kind]
            for name, _, _, _ in struct.iter_unpack("<IIII", data[offset : offset + size]):
                length += _length(data, tables.get(link), name)
                if length > 4 * len(data):
                    break
    if length > 4 * len(data):
        raise ValueError("its names overlap")


def _length(data: bytes, table: tuple[int, int] | None, name: int) -> int:
    """Bytes of a name in a table of strings."""
    if table is None:
        raise ValueError("its names are in no table")
    end = data.find(b"\0", table[0] + name, table[1])
    if end < 0:
        raise ValueError("a name in it lies outside of its table")
    return end - table[0] - name


def _size(data: bytes, offset: int, size: int) -> int:
    if offset + size > len(data):
        raise ValueError("it ends inside a section or segment")
    return int(size)
