"""The list of apps as it lies in flash: how Tock, or whoever else walks it, finds one header after the other.

A header says how long its app is, and so where the next one begins. One of 16 bytes alone is padding. Erased flash ends
the list.
"""

from cells import Buffer
from micropython import const

from capsules.hil.flash import Flash
from capsules.virtual.app_directory import Crc, put_u32, u16, u24

HEAD = const(16)
"""Bytes of a header that every app has; all of a padding's."""

LONGEST_HEADER = const(4096)

PIECE = const(64)
"""Bytes that are looked at in one go; the scratch has as many."""

MARKED = const(256)
"""Bytes of a header, from its beginning, that its mark is made of: at boot nobody has time for all of a long one."""

MOST_ENTRIES = const(64)
"""Of a header, or of footers: who has more is refused."""

TOO_MANY = const(-2)

_MOST_PADDINGS = const(16)  # that are gone over at once: each update of an app may leave one more behind the others

_FIXED_ADDRESSES = const(5)


class AppList:
    """`scratch` has PIECE bytes; `limit` is where the list has to end."""

    def __init__(self, flash: Flash, crc: Crc, scratch: Buffer, limit: int) -> None:
        self._flash = flash
        self.scratch = scratch
        self._crc = crc
        self.limit = limit

    def leave_alone(self) -> None:
        """It is longer than it may be."""
        self.limit = 0

    # -- Walking ----------------------------------------------------------------------------------

    def is_end(self, at: int) -> bool:
        if at + HEAD > self.limit:
            return True
        scratch = self.scratch
        self._flash.read(at, scratch, 0, 4)
        return scratch[0] & scratch[1] & scratch[2] & scratch[3] == 0xFF

    def skip(self, at: int, end: int) -> int:
        """Go over padding, `end` at the latest: where that ends or, if that is neither `at` nor `end`, where it is to be gone on."""
        for _ in range(_MOST_PADDINGS):
            if at >= end:
                break
            size = self._padding(at)
            if size == 0 or at + size > end:
                break
            at += size
        return at

    def _padding(self, at: int) -> int:
        """The size of the padding whose header is there; 0: there is none."""
        if at + HEAD > self.limit:
            return 0
        head = self.scratch
        self._flash.read(at, head, 0, HEAD)
        if u16(head, 0) != 2 or u16(head, 2) != HEAD:
            return 0
        size = u24(head, 4)
        return size if self.is_right(at) else 0

    # -- Headers ----------------------------------------------------------------------------------

    def mark_of(self, at: int) -> int:
        """A number that this header has, and hardly another one: 24 bits of the CRC of its first MARKED bytes."""
        self._sum_up(at, MARKED)
        return self._crc.low | (self._crc.high & 0xFF) << 16

    def is_right(self, at: int) -> bool:
        """Whether the header has the checksum that it is to have."""
        self._sum_up(at, LONGEST_HEADER)
        return self._crc.is_even()

    def _sum_up(self, at: int, most: int) -> None:
        crc = self._crc
        crc.begin()
        scratch = self.scratch
        self._flash.read(at, scratch, 0, HEAD)
        size = min(max(u16(scratch, 2), HEAD), min(most, self.limit - at))
        for offset in range(0, size, PIECE):
            count = min(PIECE, size - offset)
            self._flash.read(at + offset, scratch, 0, count)
            crc.feed(scratch, 0, count)

    def is_fixed(self, at: int, header: int) -> int:
        """1 if the app with a header of so many bytes can live at one place only, else 0; or TOO_MANY entries."""
        found = self.entry(at + HEAD, at + header, _FIXED_ADDRESSES)
        return 1 if found >= 0 else 0 if found != TOO_MANY else TOO_MANY

    def entry(self, at: int, end: int, kind: int) -> int:
        """Where the first entry of this kind begins, whose type and length are in the scratch then; -1: there is none. Or TOO_MANY."""
        scratch = self.scratch
        for _ in range(MOST_ENTRIES):
            if at + 4 > end or at + 4 > self.limit:
                return -1
            self._flash.read(at, scratch, 0, 4)
            if u16(scratch, 0) == kind:
                return at
            at += 4 + (u16(scratch, 2) + 3 & ~3)
        return -1 if at + 4 > end else TOO_MANY

    # -- Padding ----------------------------------------------------------------------------------

    def make_padding(self, size: int) -> None:
        """The header in the scratch, its first word last."""
        scratch = self.scratch
        put_u32(scratch, 0, size & 0xFFFF, size >> 16)
        put_u32(scratch, 4, 0, 0)
        put_u32(scratch, 8, (2 ^ size) & 0xFFFF, (HEAD ^ size >> 16) & 0xFFFF)
        put_u32(scratch, 12, 2, HEAD)

    def takes_padding(self, at: int, size: int) -> bool:
        """Whether flash that is not erased first becomes this header by clearing bits: as a cut has left it, or blank."""
        scratch = self.scratch
        self.make_padding(size)
        self._flash.read(at, scratch, 16, HEAD)
        for index in range(HEAD):
            wanted = scratch[index]
            if scratch[HEAD + (int(index) + 4 & 15)] & wanted != wanted:
                return False
        return True
