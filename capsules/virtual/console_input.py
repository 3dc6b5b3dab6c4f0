"""What is typed, for the processes that read: for who is in the foreground, or else for one after the other.

Who has got a part of a line gets the rest of it, as soon as it reads again, unless it ends. Another process that begins to
read in between is told BUSY once; when it tries again, it has waited long enough.
"""

from cells import Buffer
from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, ProcessId
from micropython import const

from capsules.hil.line import Line
from capsules.virtual.foreground import NOBODY, Foreground

# Fields of the console's record
WANTED = const(3)  # bytes to read, 0: none
_AT = const(4)  # bytes read
_LEAST = const(5)  # bytes with which the read is over

_RECEIVED = const(2)  # the upcall

_CR = const(13)
_LF = const(10)


class ConsoleInput:
    """Reads blocks ahead, up to its buffer, as soon as a process reads; bytes that it does not want wait for the next."""

    def __init__(self, line: Line, grant: Grant, buffer: Buffer, foreground: Foreground) -> None:
        self._line = line
        self._grant = grant
        self._buffer = buffer
        self._longest_read = len(buffer)
        self._foreground = foreground
        self._receiving = False  # the buffer is the line's
        self._in_at = 0  # what it has that nobody has read yet
        self._in_end = 0
        self._readers = 0  # who waits for input, one bit a process slot
        self._slot = 0  # who reads next, if it does
        self._within_line = False  # it has got a part of one, and nobody else gets the rest
        self._refused = NOBODY  # who has been told so since it last read

    def read(self, process: ProcessId, length: int, least: int) -> "CommandReturn | int":
        """A command; `least` bytes are enough, 0: all."""
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if length > self._longest_read:
            return ErrorCode.INVAL
        length = min(length, len(entry.read_write(1)))
        if entry[WANTED]:
            return ErrorCode.BUSY
        if length == 0:
            return ErrorCode.INVAL
        entry[_AT] = 0
        entry[_LEAST] = least if least else length
        if process.slot == self._slot:
            self._refused = NOBODY
        elif self._within_line and not self._readers >> self._slot & 1:
            slot = self._slot
            if self._refused != process.slot and slot < self._grant.SLOTS and self._grant.entry(slot) is not None:
                self._refused = process.slot
                return ErrorCode.BUSY
            self._within_line = False
        self._readers |= 1 << process.slot  # first: a bit too many does no harm
        entry[WANTED] = length
        self.hand_out()
        return SUCCESS

    def abort(self, slot: int) -> "CommandReturn | int":
        """A command."""
        entry = self._grant.entry(slot)
        if entry is not None and entry[WANTED]:
            if slot == self._slot:
                self._within_line = False  # it does not want the rest
            self._end(slot, entry, ErrorCode.CANCEL)
        return SUCCESS

    def received(self, length: int) -> None:
        """From the line."""
        if self._receiving:
            self._in_end = length
            self._in_at = 0
            self._receiving = False
        self.hand_out()

    def hand_out(self) -> None:
        """Give what has come in to those who read."""
        while not self._receiving:
            slot = self._next()
            if self._in_at == self._in_end:
                if self._readers:  # though perhaps nobody's turn: that is looked at again when something has come
                    self._line.receive(self._buffer, self._longest_read, 1)
                    self._receiving = True
                return
            entry = self._grant.entry(slot) if slot != NOBODY else None
            if entry is None:
                return
            wanted = min(entry[WANTED] - entry[_AT], self._in_end - self._in_at)
            count = entry.read_write(1).write(entry[_AT], self._buffer, self._in_at, wanted)
            self._in_at += count
            entry[_AT] += count
            last = self._buffer[self._in_at - 1] if count else _LF
            self._within_line = last not in (_CR, _LF) and self._foreground.find() == NOBODY
            if count < wanted:  # its buffer has become smaller
                self._end(slot, entry, ErrorCode.SIZE if entry[_AT] else ErrorCode.NOMEM)
            elif entry[_AT] >= entry[_LEAST]:
                self._end(slot, entry, 0)

    def _end(self, slot: int, entry: Entry, status: int) -> None:
        self._readers &= ~(1 << slot)
        entry[WANTED] = 0
        self._slot = slot if self._within_line else slot + 1
        entry.schedule_upcall(_RECEIVED, status, entry[_AT], 0)

    def _next(self) -> int:
        """Whose read is next; of two the one stays that has begun."""
        slot = self._foreground.find()
        if slot != NOBODY:
            return slot if self._readers >> slot & 1 else NOBODY
        slot = self._slot
        if self._within_line and slot < self._grant.SLOTS and not self._readers >> slot & 1:
            if self._grant.entry(slot) is not None:
                return NOBODY
            self._within_line = False
        for _ in range(self._grant.SLOTS if self._readers else 0):
            if slot >= self._grant.SLOTS:
                slot = 0
            if self._readers >> slot & 1:
                entry = self._grant.entry(slot)
                if entry is not None and entry[WANTED]:
                    self._slot = slot
                    return slot
                self._readers &= ~(1 << slot)  # it has ended
            slot += 1
        return NOBODY
