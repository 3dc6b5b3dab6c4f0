"""The console for user programs.

Driver number 0x1 (stable since Tock 1.0).

Command
    0 exists       -> success
    1 write length -> success, BUSY if this process is writing, NOMEM
    2 read  length -> success, BUSY if this process is reading, INVAL if longer than 64 bytes, NOMEM
    3 abort read   -> success
    62 read some length -> as 2, but it is over as soon as there is anything
    64 claim how seconds -> success, BUSY if another process is in the foreground, INVAL, NOMEM
        0: no more
        1: be in the foreground: what comes in is this process's, and others' reads wait
        2: the same, alone: what others write is kept for them, and goes out afterwards
        3: the same, and what comes in may be any bytes
        2 and 3 pause when nothing has come in, and this process has written nothing, for so many seconds.
        A tool's greeting, for which some 60 ms of silence have made room before and after it, ends 3 as well.

Subscribe
    1 written: (bytes, bytes, 0)  the count twice: apps differ in which of the two they look at
    2 read:    (status, bytes, 0) status 0, or CANCEL after an abort

Allow read-only
    1 what to write

Allow read-write
    1 where to put what is read

A program whose permissions name the driver alone cannot claim: who is in the foreground has what is typed for as long as it likes.

While the line is another's (a process's that is alone, or a protocol's), writes end at once; of what each process writes
then, the last bytes are kept in its own memory, and what was before them is counted.
"""

from typing import TYPE_CHECKING

from cells import Buffer
from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.line import Line
from capsules.virtual.console_input import ConsoleInput
from capsules.virtual.foreground import Foreground
from capsules.virtual.kept_output import FIELDS, KeptOutput

if TYPE_CHECKING:
    from capsules.virtual.last_words import LastWords

DRIVER_NUM = const(0x1)

LAYOUT = Layout(upcalls=3, read_write=2, read_only=2, u32=FIELDS, answers=2, asks=b"\x01\x01\x02\x02\x3e\x02")

# Commands
_EXISTS = const(0)
_WRITE = const(1)
_READ = const(2)
_ABORT_READ = const(3)
_READ_SOME = const(62)
_CLAIM = const(64)  # beyond what a permission for the whole driver has

# Fields of the record; 3 to 5 are those of console_input.py, the others of kept_output.py
_LENGTH = const(0)  # bytes to write
_AT = const(1)  # bytes written
_WRITING = const(2)  # 1 from the command to its upcall

_WRITTEN = const(1)

_TURN = const(1024)  # bytes after which others have theirs; a multiple of the buffer's

# How far a transmission is
_BEGINS = const(1)
_SENDS = const(2)


class ConsoleDriver:
    """Writes one process's buffer after the other, each whole, or, of a long one, _TURN bytes at a time.

    Each attribute more makes each method's call longer, so what is not about writing is elsewhere.
    """

    def __init__(
        self,
        line: Line,
        grant: Grant,
        transmit_buffer: Buffer,
        receive_buffer: Buffer,
        words: "LastWords | None" = None,
    ) -> None:
        self._said = words.said if words is not None else None  # remembers what is written
        self._put_out = line.transmit
        self._grant = grant
        self._transmit_buffer = transmit_buffer
        self._busy = 0  # or how far a transmission is
        self._writer: "Entry | None" = None
        self._writer_slot = 0  # the writer's
        self._writers = 0  # who has something to write, one bit a process slot
        self._next_at = 0  # what the writer has written when what is on its way has gone out
        self._is_kept = False  # there may be something
        self._foreground = Foreground(line, KeptOutput(grant))
        self._in_session = False
        self._input = ConsoleInput(line, grant, receive_buffer, self._foreground)
        line.set_client(self)

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _WRITE:
            return self._write(process, first if 0 <= first <= 0xFFFFFF else 0xFFFFFF)
        if number == _EXISTS:
            return SUCCESS
        if number == _READ_SOME:
            return self._input.read(process, first if 0 <= first <= 0xFFFF else 0xFFFF, 1)
        if number == _READ:
            return self._input.read(process, first if 0 <= first <= 0xFFFF else 0xFFFF, 0)
        if number == _ABORT_READ:
            return self._input.abort(process.slot)
        if number == _CLAIM:
            return self._claim(process, first, second if 0 <= second <= 0xFFFF else 0xFFFF)
        return ErrorCode.NOSUPPORT

    def _write(self, process: ProcessId, length: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if entry[_WRITING]:
            return ErrorCode.BUSY
        if length == 0:
            entry.schedule_upcall(_WRITTEN, 0, 0, 0)
            return SUCCESS
        view = entry.read_only(1)  # its first use needs memory: before anything is begun that would be left half done
        if self._said is not None:
            self._said(process.slot, process.number, view, length)
        entry[_LENGTH] = length
        entry[_AT] = 0
        self._writers |= 1 << process.slot
        entry[_WRITING] = 1
        if self._in_session and not self._foreground.may_write(process.slot):
            self._keep(process.slot, entry)
        if self._busy != _SENDS:
            if self._writer is None and not self._in_session and not self._is_kept:
                self._writer_slot = process.slot
                self._writer = entry
            self._send()
        return SUCCESS

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
                    self._next_at = entry[_AT] + count
                    break
                self._complete(self._writer_slot, entry)
            self._writer = None
            if self._is_kept and self._foreground.may_all_write():  # before what the same processes have written since
                count = self._foreground.kept.take(buffer)
                if count:
                    break
                self._is_kept = False
            if not self._writers:
                return
            entry = self._next_writer()
            if entry is None:
                return
            self._writer = entry
        self._busy = _BEGINS
        self._put_out(buffer, count)  # transmitted() says when it is back
        self._busy = _SENDS

    def _is_lent(self) -> bool:
        """After the end of _send() was cut short: whether it had begun."""
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
        for _ in range(self._grant.SLOTS):
            slot += 1
            if slot >= self._grant.SLOTS:
                slot = 0
            if self._writers >> slot & 1:
                entry = self._grant.entry(slot)
                if entry is not None and entry[_WRITING]:
                    self._writer_slot = slot
                    return entry
                self._writers &= ~(1 << slot)  # it has ended
        return None

    def _keep(self, slot: int, entry: Entry) -> None:
        """Keep what this process has still to write, and end its write."""
        at = entry[_AT]
        if self._busy == _SENDS:
            if self._writer is entry:
                at = self._next_at  # up to there it is on its way
            else:
                self._foreground.kept.gone()
        if self._writer is entry:
            self._writer = None
        view = entry.read_only(1)
        end = min(entry[_LENGTH], len(view))
        self._foreground.kept.keep(entry, view, at, end)
        self._is_kept = True
        entry[_AT] = max(end, at)
        self._complete(slot, entry)

    def _claim(self, process: ProcessId, how: int, seconds: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        was = self._foreground.find()
        error = self._foreground.claim(entry, process.slot, how, seconds)
        if error:
            return error
        if (was == process.slot) != (how != 0):
            self._input.claimed(entry, how != 0)
        self._change()
        return SUCCESS

    def _change(self) -> None:
        """The line may be another's: keep what may not go out now, send what may, give input to whose it is."""
        self._in_session = self._foreground.is_session()
        if self._writers and not self._foreground.may_all_write():
            for slot in range(self._grant.SLOTS):
                if self._writers >> slot & 1 and not self._foreground.may_write(slot):
                    entry = self._grant.entry(slot)
                    if entry is not None and entry[_WRITING]:
                        self._keep(slot, entry)
        self._send()
        self._input.hand_out()

    # -- From the line ----------------------------------------------------------------------------

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        """Once more if this was cut short."""
        if self._busy == _SENDS:
            entry = self._writer
            if entry is None:
                self._foreground.kept.gone()
            elif self._grant.entry(self._writer_slot) is entry:
                entry[_AT] = self._next_at
                if self._next_at & (_TURN - 1) == 0:
                    self._writer = None
            self._busy = 0
        self._send()

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        self._input.received(length)

    def turn(self, mine: int) -> None:
        self._foreground.turn(mine)
        self._change()
        self._input.waited()
