"""The last bytes that each process has written, in this life and the one before, and why that one ended.

A ring for each process slot. A zero byte begins a life. What follows a byte 1 up to the end of its line is not the process's, but says
how it ended, and, behind a colon, its name. A process may write such bytes as well: so behind each ring there is where its last marks are, and who
reads gets others for what is none.
"""

from cells import Buffer
from kernel import UserBuffer, shared
from micropython import const

_BEGIN = const(0)
_MARK = const(1)
_MOST = const(0xFFFFFF)
_LINE_END = const(10)
_NAME = const(58)
_LONGEST_NAME = const(24)  # bytes of it

_MARKS = const(8)  # that are known of a ring: two of each life
_TABLE = const(4 * _MARKS)  # bytes behind it: of each mark its position, and whether that is one
_NO_MARK = const(63)  # what a process's byte is read as that would be one

_HEX = b"0123456789abcdef"


class LastWords:
    """Rings of one size in a buffer."""

    def __init__(self, ring: Buffer, slots: int) -> None:
        self.said = shared(self._say)
        self.begin = shared(self._begin)
        self.mark = shared(self._mark)
        self.number = shared(self._number)
        self.end = shared(self._end)
        self.oldest = shared(self._oldest)
        self.read = shared(self._read)
        self._ring = ring
        self._size = len(ring) // int(slots) - _TABLE
        self._at = [0 for _ in range(slots)]  # where in its ring each process's next byte goes
        self._written = [0 for _ in range(slots)]  # how many there were, modulo 2^24
        self._marks = [0 for _ in range(slots)]  # which of its table is next
        self._life = [0 for _ in range(slots)]  # whose they are: a process's id

    def _say(self, slot: int, life: int, view: UserBuffer, length: int) -> None:
        """The process with this number writes so many bytes of what it allows. A zero comes first if it is a new one."""
        if self._life[slot] != life:
            self._life[slot] = life
            self._put_mark(slot, _BEGIN)
        size = self._size
        base = int(slot) * int(size + _TABLE)
        place = self._at[slot]
        at = length - size if length > size else 0
        while at < length:
            room = size - place
            count = view.read(at, self._ring, base + place, room if room < length - at else length - at)
            if count == 0:
                return
            at += count
            place = place + count if count < room else 0
            self._at[slot] = place
            self._count(slot, count)

    def _count(self, slot: int, count: int) -> None:
        """So many bytes more. Where the count begins anew, what marks there were is forgotten: nobody writes at the same position again."""
        written = self._written[slot] + count
        if written > _MOST:
            for mark in range(_MARKS):
                self._ring[self._table(slot, mark) + 3] = 0
        self._written[slot] = written & _MOST

    def _table(self, slot: int, mark: int) -> int:
        """Where the mark's four bytes are."""
        return (int(slot) + 1) * int(self._size + _TABLE) - _TABLE + (int(mark) << 2)

    def _put_mark(self, slot: int, byte: int) -> None:
        ring, position = self._ring, self._written[slot]
        at = self._table(slot, self._marks[slot])
        self._marks[slot] = self._marks[slot] + 1 & _MARKS - 1
        ring[at] = position & 0xFF
        ring[at + 1] = position >> 8 & 0xFF
        ring[at + 2] = position >> 16
        ring[at + 3] = 1
        self._one(slot, byte)

    def _is_mark(self, slot: int, position: int) -> bool:
        ring = self._ring
        for mark in range(_MARKS):
            at = self._table(slot, mark)
            if ring[at + 3] and ring[at] | ring[at + 1] << 8 | ring[at + 2] << 16 == position:
                return True
        return False

    def _one(self, slot: int, byte: int) -> None:
        place = self._at[slot]
        self._ring[int(slot) * int(self._size + _TABLE) + place] = byte
        self._at[slot] = place + 1 if place + 1 < self._size else 0
        self._count(slot, 1)

    def _begin(self, slot: int, life: int) -> None:
        """Whose what follows is, though it has not written yet: a process that never does has no words of the one before."""
        if self._life[slot] != life:
            self._life[slot] = life
            self._put_mark(slot, _BEGIN)

    def _mark(self, slot: int, life: int) -> None:
        """The process has ended: numbers follow."""
        self._begin(slot, life)
        self._put_mark(slot, _MARK)

    def _number(self, slot: int, value: int) -> None:
        for half in (value >> 16 & 0xFFFF, value & 0xFFFF):
            for shift in (12, 8, 4, 0):
                self._one(slot, _HEX[half >> shift & 15])
        self._one(slot, 32)

    def _end(self, slot: int, name: bytes) -> None:
        """That was the last number. The program's name follows: another one may get the slot."""
        self._one(slot, _NAME)
        for at in range(min(len(name), _LONGEST_NAME)):
            letter = name[at]
            self._one(slot, letter if letter >= 32 else 63)
        self._one(slot, _LINE_END)

    def _oldest(self, slot: int, since: int) -> int:
        """Where what is there of a process begins, or `since`, if that is later; positions are counted modulo 2^24."""
        if not 0 <= slot < len(self._at):
            return 0
        written = self._written[slot]
        there = min(written, self._size)
        return since if (written - since) & _MOST <= there else (written - there) & _MOST

    def _read(self, slot: int, since: int, buffer: Buffer, count: int) -> int:
        """Bytes from a position that oldest() has given into the buffer; how many."""
        if not 0 <= slot < len(self._at):
            return 0
        size = self._size
        left = (self._written[slot] - since) & _MOST
        count = min(count, left, size)
        start = self._at[slot] - left
        if start < 0:
            start += size
        base = int(slot) * int(size + _TABLE)
        first = buffer.copy(0, self._ring, base + start, min(count, size - start))
        if first < count:
            buffer.copy(first, self._ring, base, count - first)
        for index in range(count):
            if buffer[index] <= _MARK and not self._is_mark(slot, since + int(index) & _MOST):
                buffer[index] = _NO_MARK
        return count
