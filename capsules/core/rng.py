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

from cells import Buffer
from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.rng import Rng
from capsules.parts.process_queue import DONE, ProcessQueue

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
        self._size = len(buffer)
        self._buffer = buffer
        self._queue = ProcessQueue(grant, _WAITING, self._fill, self._answer)
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
        status = self._queue.ask(entry, process.slot, 1)
        return status if status else SUCCESS

    def _fill(self, entry: Entry, _: int) -> int:
        """Get a process's next bytes."""
        left = min(entry[_WANTED], len(entry.read_write(0))) - entry[_AT]
        if left <= 0:
            self._answer(entry, 0)
            return DONE
        self._rng.fill(self._buffer.move(self._rng), min(left, self._size))  # filled() gets it back
        return 0

    def _answer(self, entry: Entry, status: int) -> None:
        entry[_WAITING] = 0
        entry.schedule_upcall(0, status, entry[_AT], 0)

    def filled(self, buffer: Buffer, length: int, status: int) -> None:
        """From the source."""
        buffer = buffer.give_back()
        entry = self._queue.over()
        if entry is not None:
            entry[_AT] += entry.read_write(0).write(entry[_AT], buffer, 0, min(length, entry[_WANTED] - entry[_AT]))
            if status:
                self._answer(entry, status)
        self._queue.go_on()
