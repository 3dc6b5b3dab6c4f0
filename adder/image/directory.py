"""The directory of the apps in the last two pages of the app flash, as the board's store keeps it.

capsules/virtual/app_directory.py has the format, docs/deployment.md the reasons. A board that has been changed over its
line goes by it, so whoever reads or writes the app flash from outside has to, too.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from adder.apps.tbf import BASE_SIZE, FLAG_ENABLED, FLAG_STICKY, VERSION
from adder.errors import AdderError

PAGE = 4096
MOST = 32
LONGEST_HEADER = 4096
MARKED = 256

ENABLED, STICKY, KEPT, GONE, BAD = FLAG_ENABLED, FLAG_STICKY, 4, 8, 16
LOADED, TRIAL, FIXED = 32, 64, 128

DIRTY = 1

_MAGIC = b"AdDr"
_SET, _MARK = 1, 2
_HEAD = struct.Struct("<4sHHI")
_APP = struct.Struct("<III")
_LONGEST = _HEAD.size + 4 + MOST * _APP.size + 4
_SEQUENCE = (1 << 24) - 1


@dataclass(frozen=True)
class Entry:
    """What the directory says of one app."""

    start: int
    """From the beginning of the app flash."""
    size: int
    flags: int
    mark: int

    @property
    def end(self) -> int:
        return self.start + self.size


@dataclass(frozen=True)
class Directory:
    """The newest set of apps."""

    entries: tuple[Entry, ...]
    dirty: bool
    """The list at rest may not be what the set says."""


def end_of_list(flash: bytes) -> int:
    """Where the list of apps has to end, if there is to be a directory."""
    return len(flash) - 2 * PAGE


def mark_of(flash: bytes, at: int) -> int:
    """A number that the header there has: 24 bits of the CRC, without its last step, of its first bytes."""
    header = max(int.from_bytes(flash[at + 2 : at + 4], "little"), BASE_SIZE)
    size = min(header, MARKED, end_of_list(flash) - at)
    return ~zlib.crc32(flash[at : at + size]) & 0xFFFFFF


def _record(page: bytes, at: int) -> tuple[int, int, bytes] | None:
    """The kind, the sequence number and the payload of a record."""
    if len(page) - at < _HEAD.size + 8:
        return None
    magic, kind, length, sequence = _HEAD.unpack_from(page, at)
    whole = _HEAD.size + length + 4
    if magic != _MAGIC or length % 4 or length < 4 or whole > min(_LONGEST, len(page) - at):
        return None
    (crc,) = struct.unpack_from("<I", page, at + whole - 4)
    if crc != zlib.crc32(page[at : at + whole - 4]):
        return None
    return kind, sequence & _SEQUENCE, page[at + _HEAD.size : at + whole - 4]


def read_directory(flash: bytes) -> Directory | None:
    """What the directory says, if there is one; whether it counts, `in_force` says."""
    if end_of_list(flash) <= 0:
        return None
    pages = [flash[end_of_list(flash) + at :][:PAGE] for at in (0, PAGE)]
    firsts = [(found[1], page) for page in pages if (found := _record(page, 0)) and found[0] == _SET]
    if not firsts:
        return None
    page = max(firsts, key=lambda first: first[0])[1]
    entries: tuple[Entry, ...] = ()
    at = state = 0
    while (found := _record(page, at)) is not None:
        kind, _, payload = found
        state = payload[0]
        if kind == _SET:
            entries = tuple(
                Entry(start & 0xFFFFFF, size & 0xFFFFFF, start >> 24, mark & 0xFFFFFF)
                for start, size, mark in _APP.iter_unpack(payload[4 : 4 + (len(payload) - 4) // _APP.size * _APP.size])
            )
        at += _HEAD.size + len(payload) + 4
    return Directory(entries, bool(state & DIRTY))


def in_force(flash: bytes) -> Directory | None:
    """The directory, if the board goes by it; None if by the list. What was on trial has failed: a reset is no pass."""
    found = read_directory(flash)
    if found is None or not (found.dirty or _is_as_set(flash, found)):
        return None
    at = 0
    for entry in found.entries:
        if entry.start < at or entry.size < BASE_SIZE or entry.end > end_of_list(flash):
            raise AdderError(
                "The directory of the apps in it is none that a board has written; "
                "`adder image erase`, or `install --only`, starts again."
            )
        at = entry.end
    return replace(found, entries=tuple(map(_after_trial, found.entries)))


def _after_trial(entry: Entry) -> Entry:
    if not entry.flags & TRIAL:
        return entry
    flags = entry.flags & ~(TRIAL | KEPT) if entry.flags & KEPT else GONE
    return replace(entry, flags=flags)


def _is_as_set(flash: bytes, directory: Directory) -> bool:
    """Whether the list at rest is what the directory says; if not, somebody else has written it, and it wins."""
    at = 0
    for entry in directory.entries:
        at = _skip(flash, at, entry.start)
        if at != entry.start or mark_of(flash, at) != entry.mark:
            return False
        at += entry.size
    at = _skip(flash, at, end_of_list(flash))
    return at + BASE_SIZE > end_of_list(flash) or flash[at : at + 4] == b"\xff\xff\xff\xff"


def _skip(flash: bytes, at: int, end: int) -> int:
    """Over padding."""
    while at < end:
        size = _padding(flash, at)
        if size == 0 or at + size > end:
            break
        at += size
    return at


def _padding(flash: bytes, at: int) -> int:
    if at + BASE_SIZE > end_of_list(flash):
        return 0
    words = struct.unpack_from("<4I", flash, at)
    if words[0] != VERSION | BASE_SIZE << 16 or words[0] ^ words[1] ^ words[2] ^ words[3]:
        return 0
    return int(words[1]) & 0xFFFFFF


def write_directory(flash: bytes, entries: Sequence[Entry]) -> bytes:
    """The app flash with a directory that says so; the list is what it says already."""
    if len(entries) > MOST:
        raise AdderError(
            f"The board's directory holds at most {MOST} apps, not {len(entries)}, and there has to be one, since some "
            "are disabled or kept to go back to: remove these, or others, with `adder image remove`."
        )
    payload = struct.pack("<I", 0) + b"".join(_packed(entry) for entry in entries)
    record = _HEAD.pack(_MAGIC, _SET, len(payload), 1) + payload
    record += struct.pack("<I", zlib.crc32(record))
    return flash[: end_of_list(flash)] + record.ljust(2 * PAGE, b"\xff")


def _packed(entry: Entry) -> bytes:
    return _APP.pack(entry.start | entry.flags << 24, entry.size, entry.mark)


def entries_of(flash: bytes, apps: Iterable[tuple[int, int, int]]) -> list[Entry]:
    """Entries for what begins so far into the flash, has such a size, and such flags."""
    return [Entry(start, size, flags, mark_of(flash, start)) for start, size, flags in sorted(apps)]


def runs(flags: int) -> bool:
    """Whether the board starts an app that has these."""
    return flags & (ENABLED | KEPT | GONE | BAD) == ENABLED
