"""The directory of the apps in flash: which there are. A log in two pages that take turns; docs/deployment.md argues for it.

A record:

    0    "AdDr", kind and length of the payload (16 bits each), sequence number: a word each (little-endian)
    12   the payload: words
    ...  the CRC-32 of all that, which is written last

Of kind SET, the payload is a word of flags, and for each app three words: where it begins, with its flags in the highest
byte; its size; a number that its header has, and hardly another one. Of kind MARK it is a word of flags alone, in place
of the last SET's.

It is read at boot, a record at a time. Nothing is written here: this makes a record, and says where it belongs.
"""

from cells import Buffer
from micropython import const

from capsules.hil.flash import Flash
from capsules.virtual.app_set import AppSet

RECORD = const(404)
"""Bytes of the longest record."""

DIRTY = const(1)
"""A flag: the list at rest may not be what the set says."""

_MAGIC = b"AdDr"
_SET = const(1)
_MARK = const(2)
_HEAD = const(12)
_APP = const(12)

# CRC-32 (that of Ethernet and zip) for four bits at a time.
_CRC = (
    0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
    0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
)  # fmt: skip


def u16(buffer: Buffer, at: int) -> int:
    return buffer[at] | buffer[at + 1] << 8


def u24(buffer: Buffer, at: int) -> int:
    return buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16


def put_u32(buffer: Buffer, at: int, low: int, high: int) -> None:
    """A word of two halves."""
    buffer[at] = low & 0xFF
    buffer[at + 1] = low >> 8 & 0xFF
    buffer[at + 2] = high & 0xFF
    buffer[at + 3] = high >> 8 & 0xFF


class Crc:
    """The CRC-32 of some bytes, and the XOR of their words, in two halves each. What is fed is a number of words."""

    def __init__(self) -> None:
        self._table = _CRC
        self._buffer: "Buffer | None" = None
        self.low = 0
        self.high = 0
        self.xor_low = 0
        self.xor_high = 0

    def begin(self) -> None:
        self.low = self.high = 0xFFFF
        self.xor_low = self.xor_high = 0

    def feed(self, buffer: Buffer, start: int, end: int) -> None:
        self._buffer = buffer
        self._sum_up(start, end)
        self._buffer = None

    def _sum_up(self, start: int, end: int) -> None:
        buffer = self._buffer
        table = self._table
        if not buffer:
            return
        crc = int(self.high) << 16 | int(self.low)
        xor = int(self.xor_high) << 16 | int(self.xor_low)
        at = start
        while at < end:
            byte = int(buffer[at])
            xor ^= byte << ((at & 3) << 3)
            crc ^= byte
            crc = (crc >> 4 & 0x0FFFFFFF) ^ int(table[crc & 15])
            crc = (crc >> 4 & 0x0FFFFFFF) ^ int(table[crc & 15])
            at += 1
        self.low = crc & 0xFFFF
        self.high = crc >> 16 & 0xFFFF
        self.xor_low = xor & 0xFFFF
        self.xor_high = xor >> 16 & 0xFFFF

    def is_even(self) -> bool:
        """Whether the XOR of what was summed up is 0, as that of a header with the right checksum."""
        return self.xor_low == 0 and self.xor_high == 0

    def end(self) -> None:
        self.low ^= 0xFFFF
        self.high ^= 0xFFFF


class AppDirectory:
    """The last two pages of the flash of apps. `record` has RECORD bytes."""

    def __init__(self, flash: Flash, record: Buffer) -> None:
        self._flash = flash
        self._record = record
        self._page_size = flash.page_size()
        self._first = flash.length() // flash.page_size() - 2
        self.crc = Crc()
        self.apps = AppSet()
        self.state = 0  # DIRTY
        self.exists = False
        self._page = 0  # the one that counts: 0 or 1
        self._end = 0  # where the next record goes in it; 0: to the other page
        self._sequence = 0
        self.blank = False  # whether the page that is erased next has been

    # -- Reading, at boot -------------------------------------------------------------------------

    def find(self) -> None:
        """Which page has the newest set. The first record of a page is one, so a page without it has nothing."""
        first = self._sequence_at(0)
        second = self._sequence_at(1)
        if first < 0 and second < 0:
            return
        self._page = 1 if first < 0 or (second >= 0 and second > first) else 0
        self.exists = True

    def read_next(self) -> bool:
        """Believe the next record of that page; False: that was all."""
        length = self._load(self._page, self._end)
        if length:
            self._take()
            self._end += length
            return True
        self._end = 0  # what follows may be half written: the next record goes to the other page
        return False

    def _sequence_at(self, page: int) -> int:
        length = self._load(page, 0)
        if length == 0 or u16(self._record, 4) != _SET:
            return -1
        return u24(self._record, 8)

    def _load(self, page: int, at: int) -> int:
        """Read the record there. How long it is; 0: it is none."""
        record = self._record
        left = self._page_size - at
        if left < _HEAD + 8:
            return 0
        base = int(self._first + page) * int(self._page_size) + at
        self._flash.read(base, record, 0, _HEAD)
        length = u16(record, 6)
        for index in range(4):
            if record[index] != _MAGIC[index]:
                return 0
        whole = _HEAD + length + 4
        if length & 3 or length < 4 or whole > RECORD or whole > left:
            return 0
        self._flash.read(base + _HEAD, record, _HEAD, length + 4)
        self._sum(whole - 4)
        crc = self.crc
        if u16(record, whole - 4) != crc.low or u16(record, whole - 2) != crc.high:
            return 0
        return whole

    def _sum(self, length: int) -> None:
        self.crc.begin()
        self.crc.feed(self._record, 0, length)
        self.crc.end()

    def _take(self) -> None:
        """Believe the record that was read."""
        record = self._record
        self._sequence = u24(record, 8)
        self.state = record[_HEAD]
        if u16(record, 4) != _SET:
            return
        self.apps.forget()
        for app in range((u16(record, 6) - 4) // _APP):
            at = _HEAD + 4 + int(app) * _APP
            self.apps.take(u24(record, at), u24(record, at + 4), record[at + 3], u24(record, at + 8))

    def replace(self, apps: AppSet) -> None:
        """What the next set says."""
        self.apps = apps

    def forget(self) -> None:
        """There is no directory, as far as anybody goes by it; one that begins finds a list that it has not made."""
        self.exists = False
        self.state = DIRTY
        self.apps.forget()

    # -- Making a record --------------------------------------------------------------------------

    def page_to_erase(self, apps: int) -> int:
        """Which page has to be erased before the next record, a SET then; -1: there is room. `apps`: of a SET; of a MARK, -1."""
        length = _HEAD + 8 + (int(apps) * _APP if apps >= 0 else 0)
        if self.exists and self._end and self._end + length <= self._page_size:
            return -1
        return self._first + (1 - self._page if self.exists else 0)

    def erased(self) -> None:
        """The page has been, ahead of the record."""
        self.blank = True

    def _length(self, with_set: bool) -> int:
        return _HEAD + 8 + (int(self.apps.used) * _APP if with_set else 0)

    def make(self, with_set: bool, state: int) -> Buffer:
        """The record that says what this holds now."""
        record = self._record
        self.state = state
        length = self._length(with_set)
        record.copy(0, _MAGIC, 0, 4)
        put_u32(record, 4, _SET if with_set else _MARK, length - _HEAD - 4)
        sequence = self._sequence + 1
        put_u32(record, 8, sequence & 0xFFFF, sequence >> 16)
        put_u32(record, _HEAD, state, 0)
        if with_set:
            apps = self.apps
            for app in range(apps.used):
                at = _HEAD + 4 + int(app) * _APP
                put_u32(record, at, apps.start[app] & 0xFFFF, apps.start[app] >> 16 | apps.flags[app] << 8)
                put_u32(record, at + 4, apps.size[app] & 0xFFFF, apps.size[app] >> 16)
                put_u32(record, at + 8, apps.mark[app] & 0xFFFF, apps.mark[app] >> 16)
        self._sum(length - 4)
        put_u32(record, length - 4, self.crc.low, self.crc.high)
        return record

    def place(self, erased: bool) -> int:
        """Where the record belongs, in bytes; `erased`: in the page that was."""
        if erased:
            page = 1 - self._page if self.exists else 0
            return int(self._first + page) * int(self._page_size)
        return int(self._first + self._page) * int(self._page_size) + self._end

    def written(self, with_set: bool, erased: bool) -> bool:
        """The record is in the flash: whether it reads as it was meant. From now on it counts."""
        length = self._length(with_set)
        page = self._page
        at = self._end
        if erased:
            page = 1 - page if self.exists else 0
            at = 0
            self.blank = False
        if self._load(page, at) != length:
            self._end = 0  # what is there is no blank flash any more
            return False
        self._page = page
        self._end = at + length
        self._sequence += 1
        self.exists = True
        return True

    def length_of(self, with_set: bool) -> int:
        return self._length(with_set)
