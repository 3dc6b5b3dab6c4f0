"""The console for user programs.

Driver number 0x1 (stable since Tock 1.0).

Command
    0 exists       -> success
    1 write length -> success, BUSY if this process is writing, NOMEM
    2 read  length -> success, BUSY if this process is reading, INVAL if longer than 64 bytes, NOMEM
    3 abort read   -> success
    100 read some length -> as 2, but it is over as soon as there is anything
    101 claim how seconds -> success, BUSY if another process is in the foreground, INVAL, NOMEM
        0: no more
        1: be in the foreground: what comes in is this process's, and others' reads wait
        2: the same, alone: what others write is kept for them, and goes out afterwards
        3: the same, and what comes in may be any bytes
        2 and 3 pause when nothing has come in, and this process has written nothing, for so many seconds.

Subscribe
    1 written: (bytes, bytes, 0)  the count twice: apps differ in which of the two they look at
    2 read:    (status, bytes, 0) status 0, or CANCEL after an abort

Allow read-only
    1 what to write

Allow read-write
    1 where to put what is read

While the line is another's (a process's that is alone, or a protocol's), writes end at once; of what each process writes
then, the last bytes are kept, and what was before them is counted.
"""

from cells import Buffer
from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.line import Line

DRIVER_NUM = const(0x1)

LAYOUT = Layout(upcalls=3, read_write=2, read_only=2, u32=6, answers=2, asks=b"\x01\x01\x02\x02\x64\x02")

# Commands
_EXISTS = const(0)
_WRITE = const(1)
_READ = const(2)
_ABORT_READ = const(3)
_READ_SOME = const(100)
_CLAIM = const(101)

_LENGTH = const(0)  # bytes to write
_AT = const(1)  # bytes written
_WRITING = const(2)  # 1 from the command to its upcall
_WANTED = const(3)  # bytes to read, 0: none
_READ_AT = const(4)  # bytes read
_LEAST = const(5)  # bytes with which the read is over

_WRITTEN = const(1)
_RECEIVED = const(2)

# How a process has claimed the line. Each less 1 is what the line is then claimed for (capsules/hil/line.py).
_NOT = const(0)
_FOREGROUND = const(1)
_BINARY = const(3)
_NOBODY = const(-1)

_BEGINS = const(1)
_SENDS = const(2)

_NOT_KEPT = b" bytes before this were not kept]\r\n"
_MOST_LOST = const(999_999)  # more are not counted


class ConsoleDriver:
    """Writes one process's buffer after the other, each whole. Reads go to who is in the foreground, or else in turn.

    `kept` is divided among the processes: what they write while the line is another's.
    """

    def __init__(self, line: Line, grant: Grant, transmit_buffer: Buffer, receive_buffer: Buffer, kept: Buffer) -> None:
        self._line = line
        self._grant = grant
        self._slots = grant.SLOTS
        self._transmit_buffer = transmit_buffer
        self._busy = 0  # or how far a transmission is
        self._writer: "Entry | None" = None
        self._writer_slot = 0
        self._writers = 0  # who has something to write, one bit a process slot
        self._next_at = 0  # what the writer has written when what is on its way has gone out
        self._receive_buffer = receive_buffer
        self._longest_read = len(receive_buffer)
        self._receiving = False  # the buffer is the line's
        self._in_at = 0  # what it has that nobody has read yet
        self._in_end = 0
        self._readers = 0  # who waits for input, one bit a process slot
        self._reader_slot = 0
        self._front: "Entry | None" = None  # the process in the foreground
        self._front_slot = _NOBODY
        self._how = _NOT  # what it has claimed
        self._alone = False  # nobody but it writes
        self._away = False  # the line is a protocol's
        self._kept = kept
        self._kept_size = len(kept) // self._slots
        self._kept_at = [0 for _ in range(self._slots)]  # where in its part each process's next byte goes
        self._kept_count = [0 for _ in range(self._slots)]
        self._lost = [0 for _ in range(self._slots)]
        self._keepers = 0  # of whom something is kept or lost, one bit a process slot
        self._going = _NOBODY  # of whom something is on its way
        self._going_count = 0  # how much
        self._going_lost = 0  # or that it was lost
        line.set_client(self)

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _WRITE:
            return self._write(process, first if 0 <= first <= 0xFFFFFF else 0xFFFFFF)
        if number == _EXISTS:
            return SUCCESS
        if number == _READ_SOME:
            return self._read(process, first if 0 <= first <= 0xFFFF else 0xFFFF, 1)
        if number == _READ:
            return self._read(process, first if 0 <= first <= 0xFFFF else 0xFFFF, 0)
        if number == _ABORT_READ:
            return self._abort(process.slot)
        if number == _CLAIM:
            return self._claim(process, first, second if 0 <= second <= 0xFFFF else 0xFFFF)
        return ErrorCode.NOSUPPORT

    # -- Writing ----------------------------------------------------------------------------------

    def _write(self, process: ProcessId, length: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if entry[_WRITING]:
            return ErrorCode.BUSY
        if length == 0:
            entry.schedule_upcall(_WRITTEN, 0, 0, 0)
            return SUCCESS
        entry.read_only(1)  # its first use needs memory: before anything is begun that would be left half done
        entry[_LENGTH] = length
        entry[_AT] = 0
        self._writers |= 1 << process.slot
        entry[_WRITING] = 1
        if self._away or self._how > _FOREGROUND:
            self._write_in_session(process.slot, entry)
        if self._busy != _SENDS:
            self._send()
        return SUCCESS

    def _write_in_session(self, slot: int, entry: Entry) -> None:
        if slot == self._front_slot and self._how > _FOREGROUND and not self._away:
            self._alone = True
            self._line.active()
        elif not self._may_write(slot):
            self._keep(slot, entry)

    def _may_write(self, slot: int) -> bool:
        """Whether what this process writes goes out now."""
        if self._alone and self._front is not None and not self._front.alive():
            self._leave()
        return not self._away and (not self._alone or slot == self._front_slot)

    def _send(self) -> None:
        """Send the writer's next bytes, or, if it has none left, go on to the next writer."""
        if self._busy and (self._busy == _SENDS or self._is_lent()):
            return
        buffer = self._transmit_buffer
        entry = self._writer
        while True:
            if entry is not None and self._grant.entry(self._writer_slot) is entry:
                count = entry.read_only(1).read(entry[_AT], buffer, 0, entry[_LENGTH] - entry[_AT])
                if count:
                    self._going = _NOBODY
                    self._next_at = entry[_AT] + count
                    self._transmit(count)
                    return
                self._complete(self._writer_slot, entry)
            self._writer = None
            if self._keepers:  # before what the same processes have written since
                count = self._take_kept(buffer)
                if count:
                    self._transmit(count)
                    return
            entry = self._next_writer()
            if entry is None:
                break
            self._writer = entry

    def _transmit(self, count: int) -> None:
        self._busy = _BEGINS
        self._line.transmit(self._transmit_buffer, count)  # transmitted() says when it is back
        self._busy = _SENDS

    def _is_lent(self) -> bool:
        """After _transmit() was cut short: whether it had begun."""
        self._busy = 0
        try:
            return len(self._transmit_buffer) == 0
        except RuntimeError:
            self._busy = _SENDS
            return True

    def _complete(self, slot: int, entry: Entry) -> None:
        """This process's write is over."""
        entry[_WRITING] = 0
        self._writers &= ~(1 << slot)
        at = entry[_AT]
        entry.schedule_upcall(_WRITTEN, at, at, 0)

    def _next_writer(self) -> "Entry | None":
        slot = self._writer_slot
        for _ in range(self._slots if self._writers else 0):
            slot += 1
            if slot >= self._slots:
                slot = 0
            if self._writers >> slot & 1:
                entry = self._grant.entry(slot)
                if entry is not None and entry[_WRITING]:
                    self._writer_slot = slot
                    return entry
                self._writers &= ~(1 << slot)  # it has ended
        return None

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        """From the line; once more if this was cut short."""
        if self._busy == _SENDS:
            self._kept_is_gone()
            entry = self._writer
            if entry is not None and self._grant.entry(self._writer_slot) is entry:
                entry[_AT] = self._next_at
            self._busy = 0
        self._send()

    # -- Reading ----------------------------------------------------------------------------------

    def _read(self, process: ProcessId, length: int, least: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if length > self._longest_read:
            return ErrorCode.INVAL
        length = min(length, len(entry.read_write(1)))
        if entry[_WANTED]:
            return ErrorCode.BUSY
        if length == 0:
            return ErrorCode.INVAL
        entry[_READ_AT] = 0
        entry[_LEAST] = least if least else length
        self._readers |= 1 << process.slot  # first: a bit too many does no harm
        entry[_WANTED] = length
        self._hand_out()
        return SUCCESS

    def _abort(self, slot: int) -> "CommandReturn | int":
        entry = self._grant.entry(slot)
        if entry is not None and entry[_WANTED]:
            self._end_read(slot, entry, ErrorCode.CANCEL)
        return SUCCESS

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        """From the line."""
        if self._receiving:
            self._in_end = length
            self._in_at = 0
            self._receiving = False
        self._hand_out()

    def _hand_out(self) -> None:
        """Give what has come in to those who read."""
        while not self._receiving:
            slot = self._next_reader()
            if slot == _NOBODY:
                return
            entry = self._grant.entry(slot)
            if entry is None:
                return
            if self._in_at == self._in_end:
                self._line.receive(self._receive_buffer, self._longest_read, 1)
                self._receiving = True
                return
            wanted = min(entry[_WANTED] - entry[_READ_AT], self._in_end - self._in_at)
            count = entry.read_write(1).write(entry[_READ_AT], self._receive_buffer, self._in_at, wanted)
            self._in_at += count
            entry[_READ_AT] += count
            if count < wanted:  # its buffer has become smaller
                self._end_read(slot, entry, ErrorCode.SIZE if entry[_READ_AT] else ErrorCode.NOMEM)
            elif entry[_READ_AT] >= entry[_LEAST]:
                self._end_read(slot, entry, 0)

    def _end_read(self, slot: int, entry: Entry, status: int) -> None:
        self._readers &= ~(1 << slot)
        entry[_WANTED] = 0
        self._reader_slot = slot + 1
        entry.schedule_upcall(_RECEIVED, status, entry[_READ_AT], 0)

    def _next_reader(self) -> int:
        """Whose read is next; of two the one stays that has begun."""
        if self._front is not None:
            if self._front.alive():
                return self._front_slot if self._readers >> self._front_slot & 1 else _NOBODY
            self._leave()
        slot = self._reader_slot
        for _ in range(self._slots if self._readers else 0):
            if slot >= self._slots:
                slot = 0
            if self._readers >> slot & 1:
                entry = self._grant.entry(slot)
                if entry is not None and entry[_WANTED]:
                    self._reader_slot = slot
                    return slot
                self._readers &= ~(1 << slot)  # it has ended
            slot += 1
        return _NOBODY

    # -- Whose the line is ------------------------------------------------------------------------

    def _claim(self, process: ProcessId, how: int, seconds: int) -> "CommandReturn | int":
        if not _NOT <= how <= _BINARY:
            return ErrorCode.INVAL
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if self._front is not None and not self._front.alive():
            self._leave()
        if self._front is not None and self._front is not entry:
            return ErrorCode.BUSY if how != _NOT else SUCCESS
        if how == _NOT:
            self._leave()
        else:
            self._front_slot = process.slot
            self._front = entry
            self._set_how(how, seconds)
        self._change()
        return SUCCESS

    def _leave(self) -> None:
        """Nobody is in the foreground."""
        self._set_how(_NOT, 0)
        self._front = None
        self._front_slot = _NOBODY

    def _set_how(self, how: int, seconds: int) -> None:
        if how > _FOREGROUND or self._how > _FOREGROUND:
            self._line.claim(max(how - 1, 0), seconds)
        self._alone = how > _FOREGROUND
        self._how = how

    def turn(self, mine: int) -> None:
        """From the line."""
        self._away = mine == 0
        self._alone = mine == 2
        self._change()

    def _change(self) -> None:
        """Keep what may not go out now, send what may, give input to whose it is."""
        if self._away or self._alone:
            for slot in range(self._slots):
                if self._writers >> slot & 1 and not self._may_write(slot):
                    entry = self._grant.entry(slot)
                    if entry is not None and entry[_WRITING]:
                        self._keep(slot, entry)
        if not self._away:
            self._send()
            self._hand_out()

    # -- What is kept -----------------------------------------------------------------------------

    def _keep(self, slot: int, entry: Entry) -> None:
        """Keep what this process has still to write, and end its write."""
        at = entry[_AT]
        if self._writer is entry:
            if self._busy == _SENDS:
                at = self._next_at  # up to there it is on its way
            self._writer = None
        if slot == self._going and self._busy == _SENDS:
            self._kept_is_gone()
        view = entry.read_only(1)
        end = min(entry[_LENGTH], len(view))
        size = self._kept_size
        base = int(slot) * int(size)
        lost = max(end - at - size, 0)
        at += lost
        for _ in range(2):  # the second part is at the ring's beginning
            place = self._kept_at[slot]
            count = view.read(at, self._kept, base + place, min(end - at, size - place)) if at < end else 0
            at += count
            self._kept_at[slot] = place + count if place + count < size else 0
            self._kept_count[slot] += count
        over = self._kept_count[slot] - size
        if over > 0:
            lost += over
            self._kept_count[slot] = size
        self._lost[slot] = min(self._lost[slot] + lost, _MOST_LOST)
        self._keepers |= 1 << slot
        entry[_AT] = max(at, entry[_AT])
        self._complete(slot, entry)

    def _take_kept(self, buffer: Buffer) -> int:
        """Fill the buffer with what is kept of one process, if that may go out; returns the bytes."""
        if self._away or self._alone:
            return 0
        for slot in range(self._slots):
            if self._keepers >> slot & 1:
                lost = self._lost[slot]
                if lost:
                    self._going_lost = lost
                    self._going_count = 0
                    self._going = slot
                    return self._say(buffer, lost)
                count = min(self._kept_count[slot], len(buffer))
                if count:
                    size = self._kept_size
                    base = int(slot) * int(size)
                    start = self._kept_at[slot] - self._kept_count[slot]
                    if start < 0:
                        start += size
                    first = buffer.copy(0, self._kept, base + start, min(count, size - start))
                    buffer.copy(first, self._kept, base, count - first)
                    self._going_lost = 0
                    self._going_count = count
                    self._going = slot
                    return count
                self._keepers &= ~(1 << slot)
        return 0

    def _kept_is_gone(self) -> None:
        """What was taken is on its way, or has been sent."""
        slot = self._going
        if slot != _NOBODY:
            self._going = _NOBODY
            self._kept_count[slot] -= self._going_count
            self._lost[slot] -= self._going_lost

    def _say(self, buffer: Buffer, lost: int) -> int:
        """How many bytes were not kept."""
        at = buffer.copy(0, b"[", 0, 1)
        scale = 100_000
        while scale:
            if lost >= scale or scale == 1:
                buffer[at] = 48 + int(lost // scale) % 10
                at += 1
            scale //= 10
        return at + buffer.copy(at, _NOT_KEPT, 0, len(_NOT_KEPT))
