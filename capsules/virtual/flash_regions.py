"""Regions of flash, one for each owner, that are written as if they were plain memory and survive a power cut.

A region is one page of flash at a time. An owner can have several, its pieces, from 0:

    0    "Adr1", owner, sequence number (24 bits) and piece (8 bits), valid: a word each (little-endian)
    16   the region's bytes as they were when the page was begun
    ...  the writes since then, one after the other: offset and length (16 bits each), bytes, "done"

A write is appended. When the page is full, what the region holds now goes to the next free page, which is valid from
the moment at which its last word is written; then the old page is made invalid. One page is always free for
that, and pages take turns. A page is erased just before it is used.

A write is atomic: whenever the power is cut, the region afterwards has all of it or nothing, since "done" is the
last word to be written. A write whose callback has come is there. What a cut leaves behind is recognised by its
missing "done", and the next write moves the region to another page.

What the flash holds is looked up when somebody first asks for a region. A page can hold many small records. Where they
end is looked up when the region is first used, and they are gone through a few at a time, each time from the kernel's
loop: nothing that lies in the flash takes others' time, nor the boot's.
"""

from typing import Callable

from cells import Buffer
from kernel import InterruptLine
from micropython import const

from capsules.hil.flash import Flash

BEFORE = const(4)
"""Bytes in front of what is to be written, in the buffer that is passed to write()."""

AROUND = const(12)
"""Bytes that such a buffer needs beyond what it is to hold."""

_HEAD = const(16)
_OWNER = const(4)
_SEQUENCE = const(8)
_PIECE = const(11)
_VALID = const(12)

_MAGIC = b"Adr1"
_VALID_WORD = b"good"
_DONE = b"done"
_INVALID_WORD = b"\x00\x00\x00\x00"
_BLANK_WORD = b"\xff\xff\xff\xff"
_BLANK = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"

_RECORDS_AT_ONCE = const(2)

_NO_PAGE = const(-1)

# What is under way: in the kernel's loop ...
_READ = const(0)
_CHECK = const(1)  # is there room for the record
_GATHER = const(2)  # what is to be copied
# ... or in the flash
_DISCARD = const(3)
_ERASE = const(4)
_COPY = const(5)
_BEGIN = const(6)
_RETIRE = const(7)
_APPEND = const(8)


def _u16(buffer: Buffer, at: int) -> int:
    return buffer[at] | buffer[at + 1] << 8


def _has(buffer: Buffer, at: int, word: bytes) -> bool:
    for index in range(4):
        if buffer[at + index] != word[index]:
            return False
    return True


def _put_u32(buffer: Buffer, at: int, low: int, high: int) -> None:
    buffer[at] = low & 0xFF
    buffer[at + 1] = low >> 8
    buffer[at + 2] = high & 0xFF
    buffer[at + 3] = high >> 8


def _record(length: int) -> int:
    """Bytes of flash for a write of so many bytes: head, bytes to the end of the word, "done"."""
    return (length + 3 & ~3) + 8


class FlashRegions:
    """As many regions as there are pages, less one; each half a page long.

    `copy` is a buffer of at least 16 bytes, a multiple of 4; `head` one of 16. The client is called with the buffer
    that was read or written and 0 or an ErrorCode.
    """

    def __init__(self, flash: Flash, line: InterruptLine, copy: Buffer, head: Buffer) -> None:
        self._flash = flash
        self._line = line
        self._page_size = flash.page_size()
        self._pages = flash.length() // flash.page_size()
        self.size = flash.page_size() // 2
        self._stored: "Callable[[Buffer, int], None] | None" = None
        self._chunk = len(copy)
        self._copy = copy
        self._head = head
        self._buffer: "Buffer | None" = None  # the client's, while a request is under way
        self._found = False  # whether it has been looked up what there is
        # By number of the region:
        self._count = 0
        self._owner = [0 for _ in range(self._pages - 1)]
        self._number = [0 for _ in range(self._pages - 1)]  # which of its owner's pieces
        self._page = [_NO_PAGE for _ in range(self._pages - 1)]
        self._end = [0 for _ in range(self._pages - 1)]  # where the next write goes, in the page; 0: not looked up
        self._sequence = 0  # the largest there is
        self._last = 0  # the page that has it
        # The request that is under way:
        self._doing = _READ
        self._region = 0
        self._offset = 0
        self._length = 0  # bytes to read, or of the record
        self._cursor = 0  # how far its page's records have been gone through; 0: not begun
        self._target = 0  # the page to which the region moves
        self._at = 0  # how much of it has been copied
        flash.set_client(self)
        line.enable(self._step)

    def set_client(self, stored: "Callable[[Buffer, int], None]") -> None:
        """Call `stored(buffer, status)` when a request is over."""
        self._stored = stored

    # -- Finding ----------------------------------------------------------------------------------

    def _find_all(self) -> None:
        head = self._head
        sequences = self._end  # of the regions' pages, meanwhile
        for page in range(self._pages):
            self._flash.read(int(page) * int(self._page_size), head, 0, _HEAD)
            if _has(head, 0, _MAGIC) and _has(head, _VALID, _VALID_WORD):
                owner = _u16(head, _OWNER) | _u16(head, _OWNER + 2) << 16
                sequence = _u16(head, _SEQUENCE) | head[_SEQUENCE + 2] << 16
                region = self._known(owner, head[_PIECE])
                if region < 0:
                    region = self.new(owner, head[_PIECE])
                # Two pages of one owner: the power was cut before the older one was made invalid.
                if region >= 0 and sequence > sequences[region]:
                    sequences[region] = sequence
                    self._page[region] = page
                if sequence > self._sequence:
                    self._sequence = sequence
                    self._last = page
        for region in range(self._count):
            sequences[region] = 0
        self._found = True

    def _find_end(self, region: int) -> None:
        """Look for the end of the whole records, a few further."""
        head = self._head
        base = int(self._page[region]) * int(self._page_size)
        at = self._cursor
        if at == 0:
            at = _HEAD + self.size
        for _ in range(_RECORDS_AT_ONCE):
            offset = 0
            length = 0
            if at + AROUND <= self._page_size:
                self._flash.read(base + at, head, 0, 4)
                offset = _u16(head, 0)
                length = _u16(head, 2)
            end = at + _record(length)
            whole = length != 0 and offset + length <= self.size and end <= self._page_size
            if whole:
                self._flash.read(base + end - 4, head, 0, 4)
                whole = _has(head, 0, _DONE)
            if not whole:
                self._end[region] = at
                self._cursor = 0
                return
            at = end
        self._cursor = at

    def find(self, owner: int, piece: int = 0) -> int:
        """The number of the region that is this piece of the owner's, or -1."""
        if not self._found:
            self._find_all()
        return self._known(owner, piece)

    def owner_of(self, region: int) -> int:
        """Whose it is."""
        return self._owner[region]

    def _known(self, owner: int, piece: int) -> int:
        for region in range(self._count):
            if self._owner[region] == owner and self._number[region] == piece:
                return region
        return -1

    def left(self) -> int:
        """How many new regions there can be."""
        return self._pages - 1 - self._count

    def new(self, owner: int, piece: int = 0) -> int:
        """The number of a new region, all 0xFF; -1 if there is no room. It has no page before it is written to."""
        region = self._count
        if region == self._pages - 1:
            return -1
        self._owner[region] = owner
        self._number[region] = piece
        self._count = region + 1
        return region

    # -- Requests ---------------------------------------------------------------------------------

    def read(self, region: int, offset: int, buffer: Buffer, length: int) -> None:
        """Read `length` bytes of a region to the beginning of the buffer. Only one request at a time.

        The buffer is moved.
        """
        self._buffer = buffer.move(self)
        self._begin(_READ, region, offset, length)

    def write(self, region: int, offset: int, buffer: Buffer, length: int) -> None:
        """Write `length` bytes, which lie from BEFORE on in the buffer, to a region. Only one request at a time.

        The buffer is moved; it is AROUND bytes longer than what it is to hold.
        """
        buffer = buffer.move(self)
        record = _record(length)
        _put_u32(buffer, 0, offset, length)
        for at in range(BEFORE + length, record - 4):
            buffer[at] = 0xFF
        buffer.copy(record - 4, _DONE, 0, 4)
        self._buffer = buffer
        self._begin(_CHECK, region, offset, record)

    def _begin(self, doing: int, region: int, offset: int, length: int) -> None:
        self._region = region
        self._offset = offset
        self._length = length
        self._cursor = 0
        self._doing = doing
        self._line.trigger()

    def _step(self) -> None:
        """From the line: go on with what takes no flash; once more after a call that was cut short."""
        buffer = self._buffer
        if buffer is None or self._doing > _GATHER:
            return
        region = self._region
        if self._page[region] != _NO_PAGE and self._end[region] == 0:
            self._find_end(region)
            self._line.trigger()
        elif self._doing == _CHECK:
            if self._page[region] != _NO_PAGE and self._is_room(region, self._length):
                self._append()
            else:
                self._move()
        elif self._doing == _READ:
            if self._gather(region, self._offset, buffer, self._length):
                self._finish(0)
            else:
                self._line.trigger()
        elif self._gather(region, self._at, self._copy, self._piece()):
            self._copy_out()
        else:
            self._line.trigger()

    def _gather(self, region: int, offset: int, buffer: Buffer, length: int) -> bool:
        """Get bytes of a region as they are now, from a few more of its records. True when they are all there."""
        page = self._page[region]
        if page == _NO_PAGE:
            for at in range(0, length, 16):
                buffer.copy(at, _BLANK, 0, min(16, length - at))
            return True
        head = self._head
        base = int(page) * int(self._page_size)
        at = self._cursor
        if at == 0:
            self._flash.read(base + _HEAD + offset, buffer, 0, length)
            at = _HEAD + self.size
        for _ in range(_RECORDS_AT_ONCE):
            if at >= self._end[region]:
                self._cursor = 0
                return True
            self._flash.read(base + at, head, 0, 4)
            wrote_at = _u16(head, 0)
            wrote = _u16(head, 2)
            first = max(offset, wrote_at)
            last = min(offset + length, wrote_at + wrote)
            if first < last:
                self._flash.read(base + at + BEFORE + first - wrote_at, buffer, first - offset, last - first)
            at += _record(wrote)
        self._cursor = at
        return False

    # -- Writing ----------------------------------------------------------------------------------

    def _is_room(self, region: int, record: int) -> bool:
        at = self._end[region]
        if at + record > self._page_size:
            return False
        # A power cut may have left a part of a record here.
        self._flash.read(int(self._page[region]) * int(self._page_size) + at, self._head, 0, 4)
        return _has(self._head, 0, _BLANK_WORD)

    def _move(self) -> None:
        """Begin to move the region to the next free page."""
        self._target = self._free_page()
        base = int(self._target) * int(self._page_size)
        self._flash.read(base, self._head, 0, _HEAD)
        if not _has(self._head, _VALID, _VALID_WORD):
            self._doing = _ERASE
            self._flash.erase(self._target)
            return
        # A power cut has left two pages of one owner, and this is the older one: half erased, it must not look newer.
        self._doing = _DISCARD
        self._copy.copy(0, _INVALID_WORD, 0, 4)
        self._flash.write(base + _VALID, self._copy.move(self._flash), 4)

    def _free_page(self) -> int:
        page = self._last
        for _ in range(self._pages):
            page = page + 1 if page + 1 < self._pages else 0
            if page not in self._page:
                return page
        raise RuntimeError("no page is free")

    def erased(self, status: int) -> None:
        """From the flash."""
        if status:
            self._finish(status)
            return
        self._at = 0 if self._page[self._region] != _NO_PAGE else self.size
        self._copy_next()

    def _piece(self) -> int:
        """Bytes that are copied next."""
        return min(self._chunk, self.size - self._at)

    def _copy_next(self) -> None:
        """Copy the next bytes of the region to its new page; after them, make that valid."""
        if self._at < self.size:
            self._doing = _GATHER
            self._cursor = 0
            self._line.trigger()
            return
        copy = self._copy
        self._doing = _BEGIN
        owner = self._owner[self._region]
        copy.copy(0, _MAGIC, 0, 4)
        _put_u32(copy, _OWNER, owner & 0xFFFF, owner >> 16)
        _put_u32(copy, _SEQUENCE, self._sequence + 1 & 0xFFFF, self._sequence + 1 >> 16)
        copy[_PIECE] = self._number[self._region]
        copy.copy(_VALID, _VALID_WORD, 0, 4)
        self._flash.write(int(self._target) * int(self._page_size), copy.move(self._flash), _HEAD)

    def _copy_out(self) -> None:
        """What was gathered, to the new page."""
        count = self._piece()
        to = int(self._target) * int(self._page_size) + _HEAD + self._at
        self._doing = _COPY
        self._at += count
        self._flash.write(to, self._copy.move(self._flash), count)

    def _begun(self) -> None:
        """The new page is valid."""
        old = self._page[self._region]
        self._page[self._region] = self._target
        self._end[self._region] = _HEAD + self.size
        self._sequence += 1
        self._last = self._target
        if old == _NO_PAGE:
            self._append()
            return
        self._doing = _RETIRE
        self._copy.copy(0, _INVALID_WORD, 0, 4)
        self._flash.write(int(old) * int(self._page_size) + _VALID, self._copy.move(self._flash), 4)

    def _append(self) -> None:
        buffer = self._buffer
        if buffer is not None:
            self._doing = _APPEND
            at = int(self._page[self._region]) * int(self._page_size) + self._end[self._region]
            self._flash.write(at, buffer.move(self._flash), self._length)

    def written(self, buffer: Buffer, status: int) -> None:
        """From the flash."""
        buffer.give_back()
        doing = self._doing
        if status or doing == _APPEND:
            if status == 0:
                self._end[self._region] += self._length
            self._finish(status)
        elif doing == _COPY:
            self._copy_next()
        elif doing == _BEGIN:
            self._begun()
        elif doing == _DISCARD:
            self._doing = _ERASE
            self._flash.erase(self._target)
        else:
            self._append()

    def _finish(self, status: int) -> None:
        buffer = self._buffer
        self._buffer = None
        if buffer is not None and self._stored is not None:
            self._stored(buffer.give_back(), status)
