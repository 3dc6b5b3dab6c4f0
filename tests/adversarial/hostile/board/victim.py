"""The victim: it has what attacks are after, and knows whether all of it is still as it was.

Driver number 0xBAD001

Command
    0 exists        -> success
    1 check         -> success_u32(one bit for each thing that is not as it should be)
    2 keep   secret -> success, NOMEM; a number that only this process may learn
    3 secret        -> success_u32(the number), NOMEM
    4 lives         -> success_u32(how often this was asked before)
    5 call          -> success; the registered callback and the trusted service are called
"""

from typing import Callable

from capsules.virtual.virtual_alarm import VirtualAlarm
from cells import Buffer, TakeCell
from kernel import (
    SUCCESS,
    Callback,
    CommandReturn,
    ErrorCode,
    Grant,
    InterruptLine,
    Layout,
    ProcessId,
    call_client,
    callback,
    success_u32,
)
from micropython import const

DRIVER_NUM = const(0xBAD001)

LAYOUT = Layout(upcalls=1, u32=2)

_SECRET = const(0x5EC0DE)
_TICK = const(2000)  # 20 ms

_PIECE = "a hundred characters, of which six are more than any object that a capsule makes may have: 512 bytes"
_PIECES = (_PIECE, _PIECE, _PIECE, _PIECE, _PIECE, _PIECE)


class Victim:
    """Its public methods may be called by everybody, with anything."""

    def __init__(self, grant: Grant, alarm: VirtualAlarm, line: InterruptLine, own: Buffer, lent: Buffer) -> None:
        self.offered = (1, 2, 3)
        self.shown = self.fill
        self._secret = _SECRET
        self._list = [_SECRET, "secret", (_SECRET,)]
        self._cell: "TakeCell[tuple[int, ...]]" = TakeCell((_SECRET, _SECRET + 1))
        self._grant = grant
        self._alarm = alarm
        self._line = line
        self._own = own
        self._lent: "TakeCell[Buffer]" = TakeCell(lent)
        self._callback: "Callback | None" = None
        self._service: "Callable[[], None] | None" = None
        self._small = [0]
        self._too_large = ""
        self._starved = False
        self._free = False
        self._lives = 0
        self._ticks = 0
        self._ticks_at_check = 0
        self._interrupts = 0
        self._interrupts_at_check = 0
        for i in range(len(own)):
            own[i] = 7 * i
        alarm.set_client(self._tick)
        line.enable(self._interrupt)

    def start(self) -> None:
        self._alarm.set_alarm(_TICK)

    # -- For everybody ---------------------------------------------------------

    def plus(self, first: int, second: int) -> int:
        return first + second

    def register(self, method: "Callable[[], None] | None") -> None:
        """Call it at command 5."""
        self._callback = None if method is None else callback(method)

    def trust(self, service: "Callable[[], None]") -> None:
        """Call it at command 5, too: somebody else's shared code, on whose failures the victim's own depend."""
        self._service = service

    def lend(self, borrower: object) -> "Buffer | None":
        """A buffer, until it is given back."""
        buffer = self._lent.take()
        return None if buffer is None else buffer.move(borrower)

    def give_back(self, buffer: Buffer) -> None:
        self._lent.put(buffer.give_back())

    def look(self, function: "Callable[[tuple[int, ...]], int]") -> "int | None":
        """What the function makes of the pair in the cell."""
        return self._cell.map(function)

    def fill(self, buffer: Buffer) -> int:
        """Copy the pattern into somebody's buffer."""
        return buffer.copy(0, self._own, 0, 32)

    def count_down(self, n: int) -> int:
        """Uses as much stack as it is told to."""
        return 0 if n <= 0 else 1 + self.count_down(n - 1)

    # -- Its own ---------------------------------------------------------------

    def _tick(self) -> None:
        self._ticks += 1
        self._make()
        self._line.trigger()
        self._alarm.set_alarm(_TICK)

    def _make(self) -> None:
        """What little everybody may make, and what nobody may."""
        try:
            self._small = [_SECRET for _ in range(16)]
        except MemoryError:
            self._starved = True
        try:
            self._too_large = "".join(_PIECES)
            self._free = True
        except MemoryError:
            self._too_large = ""

    def _interrupt(self) -> None:
        self._interrupts += 1

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == 0:
            return SUCCESS
        if number == 1:
            return success_u32(self._check())
        if number == 2 or number == 3:
            entry = self._grant.enter(process)
            if entry is None:
                return ErrorCode.NOMEM
            if number == 3:
                return success_u32(entry[0])
            entry[0] = first
            return SUCCESS
        if number == 4:
            self._lives += 1
            return success_u32(self._lives - 1)
        if number == 5:
            call_client(self._callback)
            if self._service is not None:
                self._service()
            return SUCCESS
        return ErrorCode.NOSUPPORT

    def _check(self) -> int:
        """What is broken: secrets 1, cell 2, own buffer 4, lent buffer 8, alarm 16, interrupt 32, heap 64, its limits 128."""
        broken = 0
        if self._secret != _SECRET or len(self._list) != 3 or self._list[0] != _SECRET or self._list[1] != "secret":
            broken |= 1
        if self._cell.map_or(0, self._sum) != 2 * _SECRET + 1 or self.offered != (1, 2, 3):
            broken |= 2
        if len(self._own) != 32 or not self._intact():
            broken |= 4
        buffer = self._lent.take()
        if buffer is not None:
            if len(buffer) != 32:
                broken |= 8
            self._lent.put(buffer)
        if self._ticks == self._ticks_at_check:
            broken |= 16
        if self._interrupts == self._interrupts_at_check:
            broken |= 32
        if self._starved:
            broken |= 64
        if self._free:
            broken |= 128
        self._ticks_at_check = self._ticks
        self._interrupts_at_check = self._interrupts
        return broken

    def _sum(self, pair: "tuple[int, ...]") -> int:
        return pair[0] + pair[1]

    def _intact(self) -> bool:
        for i in range(32):
            if self._own[i] != 7 * i:
                return False
        return True
