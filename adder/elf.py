"""ELF files of others, opened so that no number in them is believed.

pyelftools goes by what the file says: tables of billions of entries, sections of gigabytes that are not in the file.
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

_HEAD, _SEGMENT, _SECTION = 52, 32, 40
_NOTHING_IN_FILE = 8  # SHT_NOBITS
_ENTRY_SIZES = {2: 16, 4: 12, 6: 8, 9: 8, 11: 16}  # of symbols, relocations, the dynamic section
_STRINGS = 3
_COMPRESSED = 0x800


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
        _check(data)
        yield ELFFile(io.BytesIO(data))
    except AdderError:
        raise
    except Exception as error:
        # The library fails in many ways.
        raise AdderError(f"{where} is not an ELF file: {str(error) or 'it is malformed'}.") from error


def _check(data: bytes) -> None:
    """Whether all that its tables speak of lies in the file, each thing once."""
    if data[:4] != b"\x7fELF":
        raise ValueError("its first bytes are others")
    if data[4:6] != b"\1\1":
        raise ValueError("it is not for a little-endian processor of 32 bits")
    if len(data) < _HEAD:
        raise ValueError("it ends inside its header")
    segments_at, sections_at = struct.unpack_from("<II", data, 28)
    segment_size, segments, section_size, sections, _ = struct.unpack_from("<HHHHH", data, 42)
    if (segments and segment_size != _SEGMENT) or (sections and section_size != _SECTION):
        raise ValueError("an entry of a table has a size that is not possible")
    if (sections_at != 0) != (sections != 0):
        raise ValueError("it does not say how many sections there are")
    if segments_at + segments * _SEGMENT > len(data) or sections_at + sections * _SECTION > len(data):
        raise ValueError("it ends inside a table")
    held = 0
    for at in range(segments_at, segments_at + segments * _SEGMENT, _SEGMENT):
        kind, offset, _, _, size = struct.unpack_from("<5I", data, at)
        held += _size(data, offset, size) if kind == 1 else 0
    if held > 2 * len(data):
        raise ValueError("its segments overlap")
    held = 0
    for at in range(sections_at, sections_at + sections * _SECTION, _SECTION):
        _, kind, flags, _, offset, size, _, _, _, entry = struct.unpack_from("<10I", data, at)
        if kind in (0, _NOTHING_IN_FILE):
            continue
        held += _size(data, offset, size)
        if flags & _COMPRESSED and (kind == _STRINGS or kind in _ENTRY_SIZES):
            raise ValueError("a table in it is compressed")
        if entry != _ENTRY_SIZES.get(kind, entry):
            raise ValueError("an entry of a section has a size that is not possible")
        if kind == _STRINGS and max(map(len, data[offset : offset + size].split(b"\0"))) > LONGEST_NAME:
            raise ValueError(f"a name in it has more than {LONGEST_NAME:,} bytes")
    if held > 2 * len(data):
        raise ValueError("its sections overlap")


def _size(data: bytes, offset: int, size: int) -> int:
    if offset + size > len(data):
        raise ValueError("it ends inside a section or segment")
    return int(size)
