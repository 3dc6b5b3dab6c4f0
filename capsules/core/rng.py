"""Random bytes for user programs.

Driver number 0x40001.

Command
    0 exists       -> success
    1 get    count -> success, NOMEM; another one before the upcall replaces the first

Subscribe
    0 ready: (status, bytes written, 0) status 0, or the source's error

Allow read-write
    0 where to put them; no more than fit are written
"""

from cells import Buffer, TakeCell
from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.rng import Rng

DRIVER_NUM = const(0x40001)

LAYOUT = Layout(upcalls=1, read_write=1, u32=3, answers=1, asks=b"\x01\x00")

# Commands
_EXISTS = const(0)
_GET = const(1)

_WAITING = const(0)  # 1 from the command to its upcall
_WANTED = const(1)  # bytes that it asked for
_AT = const(2)  # bytes that it has


class RngDriver:
    """Gives each process in turn as many bytes as the buffer holds, until each has what it asked for."""

    def __init__(self, rng: Rng, grant: Grant, buffer: Buffer) -> None:
        self._rng = rng
        self._grant = grant
        self._slots = grant.SLOTS
        self._size = len(buffer)
        self._buffer = TakeCell(buffer)
        self._reader: "Entry | None" = None
        self._slot = 0
        rng.set_client(self)

    def command(self, number: int, count: int, _: int, process: ProcessId) -> "CommandReturn | int":
        if number == _GET:
            return self._get(process, count if 0 <= count <= 0xFFFFFF else 0xFFFFFF)
        if number == _EXISTS:
            return SUCCESS
        return ErrorCode.NOSUPPORT

    def _get(self, process: ProcessId, count: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        entry.read_write(0)  # its first use needs memory: before anything is begun that would be left half done
        entry[_WANTED] = count
        entry[_AT] = 0
        entry[_WAITING] = 1
        self._fill()
        return SUCCESS

    def _fill(self) -> None:
        """Get bytes for the next process that waits, unless the source is at work."""
        if self._buffer.is_none():
            return
        for step in range(1, self._slots + 1):
            slot = self._slot + step
            if slot >= self._slots:
                slot -= self._slots
            entry = self._grant.entry(slot)
            if entry is not None and entry[_WAITING]:
                left = min(entry[_WANTED], len(entry.read_write(0))) - entry[_AT]
                buffer = self._buffer.take() if left > 0 else None
                if buffer is not None:
                    self._reader = entry
                    self._slot = slot
                    self._rng.fill(buffer.move(self._rng), min(left, self._size))  # filled() gets it back
                    return
                self._finish(entry, 0)

    def _finish(self, entry: Entry, status: int) -> None:
        entry[_WAITING] = 0
        entry.schedule_upcall(0, status, entry[_AT], 0)

    def filled(self, buffer: Buffer, length: int, status: int) -> None:
        """From the source."""
        buffer = buffer.give_back()
        self._buffer.put(buffer)  # first: whatever fails below, the next one is served
        entry = self._reader
        self._reader = None
        if entry is not None and entry.alive():
            entry[_AT] += entry.read_write(0).write(entry[_AT], buffer, 0, min(length, entry[_WANTED] - entry[_AT]))
            if status:
                self._finish(entry, status)
        self._fill()
