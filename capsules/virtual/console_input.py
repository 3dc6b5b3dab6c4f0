"""What is typed, for the processes that read: for who is in the foreground, or else for one after the other.

Who has got a part of a line gets the rest of it, as soon as it reads again; others that read wait for that, a few seconds.
Then the rest is nobody's, as it is if who has the beginning ends: it is dropped, since to another process it might be a command.
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

# What ends a line
_CTRL_C = const(3)
_CTRL_D = const(4)
_LF = const(10)
_CR = const(13)

_LONGEST_LINE = const(255)  # what is dropped at most
_PATIENCE = const(5)  # seconds


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
        self._within_line = False
        self._whose: "Entry | None" = None  # who has got a part of it, and gets the rest; None: nobody does
        self._line_left = 0  # bytes of it, at most
        self._cut = False  # somebody has come to the foreground in the middle of a line that has not ended yet
        self._seconds = 0  # for which others have waited for it

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
        self._readers |= 1 << process.slot  # first: a bit too many does no harm
        entry[WANTED] = length
        self.hand_out()
        return SUCCESS

    def abort(self, slot: int) -> "CommandReturn | int":
        """A command."""
        entry = self._grant.entry(slot)
        if entry is not None and entry[WANTED]:
            self._end(slot, entry, ErrorCode.CANCEL)
        return SUCCESS

    def claimed(self, entry: Entry, is_more: bool) -> None:
        """A process has come to the foreground, or left it: what is typed from now on is no part of what was typed before.

        But a line that others had begun goes on when nobody is in the foreground: nobody comes and leaves in the middle of one to make a line of
        its rest.
        """
        if is_more:
            self._cut = self._within_line
        if self._whose is entry if is_more else self._whose is not entry or self._cut:
            return
        self._whose = None
        self._line_left = min(self._line_left, self._in_end - self._in_at)
        if not self._line_left:
            self._within_line = False

    def waited(self) -> None:
        """A second has passed in which somebody waited, or whose turn it is has changed."""
        self._seconds += 1
        self.hand_out()

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
                if self._whose is not None and self._readers:
                    self._line.remind()
                return
            if self._cut and self._foreground.find() == NOBODY:
                self._cut = False
                self._within_line = True
                self._line_left = _LONGEST_LINE
            if self._within_line and self._whose is not entry:
                self._drop()
                continue
            wanted = min(entry[WANTED] - entry[_AT], self._in_end - self._in_at)
            if self._readers & (self._readers - 1) and self._foreground.find() == NOBODY:
                wanted = min(wanted, self._line_end() - self._in_at)
            count = entry.read_write(1).write(entry[_AT], self._buffer, self._in_at, wanted)
            self._in_at += count
            entry[_AT] += count
            if count:
                self._within_line = self._buffer[self._in_at - 1] not in (_CR, _LF, _CTRL_C, _CTRL_D)
                self._whose = entry if self._within_line else None
                self._cut = self._cut and self._within_line
                self._line_left = _LONGEST_LINE
                self._seconds = 0
            if count < wanted:  # its buffer has become smaller
                self._end(slot, entry, ErrorCode.SIZE if entry[_AT] else ErrorCode.NOMEM)
            elif entry[_AT] >= entry[_LEAST]:
                self._end(slot, entry, 0)
            elif not self._within_line and slot == self._slot:
                self._slot = slot + 1  # it goes on reading when others have had a line

    def _line_end(self) -> int:
        """Where the first line ends that is in the buffer."""
        at, end = self._in_at, self._in_end
        while at < end:
            at += 1
            if self._buffer[at - 1] in (_CR, _LF, _CTRL_C, _CTRL_D):
                break
        return at

    def _drop(self) -> None:
        """The rest of a line is nobody's."""
        self._whose = None
        at = self._in_at
        end = min(self._line_end(), at + self._line_left)
        self._line_left -= end - at
        is_over = self._buffer[end - 1] in (_CR, _LF, _CTRL_C, _CTRL_D)
        self._within_line = self._line_left > 0 and not is_over
        self._cut = self._cut and not is_over
        self._in_at = end

    def _end(self, slot: int, entry: Entry, status: int) -> None:
        self._readers &= ~(1 << slot)
        entry[WANTED] = 0
        if self._whose is None and slot == self._slot:
            self._slot = slot + 1
        entry.schedule_upcall(_RECEIVED, status, entry[_AT], 0)

    def _next(self) -> int:
        """Whose read is next; of two the one stays that has begun a line."""
        slot = self._foreground.find()
        if slot != NOBODY:
            return slot if self._readers >> slot & 1 else NOBODY
        slot = self._slot
        whose = self._whose
        if whose is not None and self._seconds < _PATIENCE and whose.alive():
            return slot if whose[WANTED] else NOBODY
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
