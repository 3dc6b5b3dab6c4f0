"""Checksums for user programs, computed by the kernel.

Driver number 0x40002 (Tock: capsules/extra/src/crc.rs). All take the lowest bit of each byte first and begin with ones.

Command
    0 exists                   -> success
    1 compute algorithm length -> success; of the buffer's first bytes. INVAL if there is no such algorithm, SIZE if the length is 0
                                  or more than the buffer has, BUSY if this process waits for one already, NOMEM
                                  algorithm 0: CRC-32, as in Ethernet; 1: CRC-32C; 2: CRC-16-CCITT, nothing done at its end

Subscribe
    0 computed: (0, CRC, algorithm)  of fewer bytes if the buffer has become shorter meanwhile

Allow read-only
    0 what it is computed of
"""

from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.parts.piece_work import PieceWork
from capsules.virtual.crc import CRC_16, Crc

DRIVER_NUM = const(0x40002)

LAYOUT = Layout(upcalls=1, read_only=1, u32=2, answers=1, asks=b"\x01\x00")

# Commands
_EXISTS = const(0)
_COMPUTE = const(1)

_WAITS = const(0)  # 0, or the algorithm and 1
_LENGTH = const(1)

_HALVES = const(32)  # a shift that is none: docs/capsules.md, Entry
_MOST = const(0xFFFFFF)
_AT_ONCE = const(64)  # bytes


class CrcDriver:
    """Sums up some bytes, then everybody else has their turn."""

    def __init__(self, grant: Grant) -> None:
        self._grant = grant
        self._work = PieceWork(grant, _WAITS, self._begin, self._step, self._answer)
        self._crc = Crc()
        self._at = 0

    def command(self, number: int, algorithm: int, length: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number != _COMPUTE:
            return ErrorCode.NOSUPPORT
        if algorithm < 0 or algorithm > CRC_16:
            return ErrorCode.INVAL
        return self._ask(process, algorithm, length if 0 <= length <= _MOST else _MOST)

    def _ask(self, process: ProcessId, algorithm: int, length: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if entry[_WAITS]:
            return ErrorCode.BUSY
        if not 1 <= length <= len(entry.read_only(0)):
            return ErrorCode.SIZE
        entry[_LENGTH] = length
        self._work.ask(entry, process.slot, algorithm + 1)
        return SUCCESS

    def _begin(self, entry: Entry, what: int) -> None:
        self._crc.begin(what - 1)
        self._at = 0

    def _step(self, entry: Entry) -> bool:
        view = entry.read_only(0)
        start = self._at
        end = min(entry[_LENGTH], len(view))
        self._at = min(start + _AT_ONCE, end)
        self._crc.feed(view, start, self._at)
        return self._at < end

    def _answer(self, entry: Entry) -> None:
        crc = self._crc
        crc.end()
        algorithm = entry[_WAITS] - 1
        entry.schedule_upcall(0, 0, crc.high, algorithm << 16 | crc.low, _HALVES)
        entry[_WAITS] = 0
