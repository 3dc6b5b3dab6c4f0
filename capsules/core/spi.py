"""An SPI bus for user programs, as its controller. One chip is selected, which the board chooses.

Driver number 0x20001 (Tock: capsules/core/src/spi_controller.rs). The first process that uses it has it for as long as it
lives; the others get NOMEM. What a transfer is like (5, 7, 9) can be changed while none is under way: BUSY.

Command
    0  exists              -> success
    2  transfer     length -> success, INVAL if the length is 0 or a buffer is shorter, BUSY if a transfer is under way, NOMEM
    5  set rate     Hz     -> success; the highest rate that is not above it; INVAL if there is none
    6  rate                -> success_u32(Hz)
    7  set phase    0 or 1 -> success; 1: the second edge of each clock samples
    8  phase               -> success_u32(0 or 1)
    9  set polarity 0 or 1 -> success; 1: the clock rests high
    10 polarity            -> success_u32(0 or 1)
    11 read         length -> success; as 2, but what is sent is 0xFF
    12 in place     length -> success; as 2, but what is sent lies where what comes in is put

Subscribe
    0 done: (bytes, 0, 0)  fewer than asked for if a buffer has become shorter, or the bus has failed

Allow read-only
    0 what to send

Allow read-write
    0 where to put what comes in; without one, 2 only sends
"""

from cells import Buffer
from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId, success_u32
from micropython import const

from capsules.hil.spi import Spi
from capsules.parts.lent import give_back

DRIVER_NUM = const(0x20001)

LAYOUT = Layout(upcalls=1, read_write=1, read_only=1, answers=1, asks=b"\x02\x00\x0b\x00\x0c\x00")

# Commands
_EXISTS = const(0)
_TRANSFER = const(2)
_SET_RATE = const(5)
_RATE = const(6)
_SET_PHASE = const(7)
_PHASE = const(8)
_SET_POLARITY = const(9)
_POLARITY = const(10)
_READ = const(11)
_IN_PLACE = const(12)

_MOST = const(0xFFFFFF)


class SpiDriver:
    """Moves as many bytes at once as the buffers hold; the chip is selected from the first to the last."""

    def __init__(self, spi: Spi, grant: Grant, write: Buffer, read: Buffer) -> None:
        self._spi = spi
        self._grant = grant
        self._write = write
        self._read = read
        self._at_once = min(len(write), len(read))
        self._owner: "Entry | None" = None
        self._user: "Entry | None" = None  # whose transfer is under way; the owner may have ended meanwhile
        self._busy = False
        self._doing = _TRANSFER
        self._reads = False
        self._length = 0
        self._at = 0
        self._count = 0  # bytes that are on their way
        spi.set_client(self)

    def command(self, number: int, value: int, _: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number == _TRANSFER or number == _READ or number == _IN_PLACE:
            return self._begin(number, value if 0 <= value <= _MOST else 0, process)
        if number < _SET_RATE or number > _POLARITY:
            return ErrorCode.NOSUPPORT
        return self._setting(number, value if 0 <= value <= _MOST else _MOST, process)

    def _owned(self, process: ProcessId) -> "Entry | None":
        """The record of a process if the bus is its, or nobody's."""
        owner = self._owner
        entry = self._grant.enter(process)
        if owner is None or owner is entry or not owner.alive():
            self._owner = entry
            return entry
        return None

    def _setting(self, number: int, value: int, process: ProcessId) -> "CommandReturn | int":
        if self._owned(process) is None:
            return ErrorCode.NOMEM
        spi = self._spi
        if number == _RATE:
            return success_u32(spi.rate())
        if number == _PHASE:
            return success_u32(spi.phase())
        if number == _POLARITY:
            return success_u32(spi.polarity())
        if self._busy:
            return ErrorCode.BUSY
        if number == _SET_RATE:
            status = spi.set_rate(value)
        elif number == _SET_PHASE:
            status = spi.set_phase(value != 0)
        else:
            status = spi.set_polarity(value != 0)
        return status if status else SUCCESS

    def _begin(self, number: int, length: int, process: ProcessId) -> "CommandReturn | int":
        entry = self._owned(process)
        if entry is None:
            return ErrorCode.NOMEM
        if self._busy:
            return ErrorCode.BUSY
        to_read = len(entry.read_write(0))
        longest = len(entry.read_only(0)) if number == _TRANSFER else to_read
        if number == _TRANSFER and to_read:
            longest = min(longest, to_read)
        if not 1 <= length <= longest:
            return ErrorCode.INVAL
        self._doing = number
        self._reads = to_read > 0
        self._length = length
        self._at = 0
        status = self._next(entry)
        if status:
            return status
        self._user = entry
        self._busy = True
        return SUCCESS

    def _next(self, entry: Entry) -> int:
        """Begin with the next bytes. 0 or an ErrorCode."""
        spi = self._spi
        at = self._at
        left = self._length - at
        count = min(left, self._at_once)
        if self._doing == _TRANSFER:
            count = entry.read_only(0).read(at, self._write, 0, count)
        elif self._doing == _IN_PLACE:
            count = entry.read_write(0).read(at, self._write, 0, count)
        if count == 0:
            return ErrorCode.SIZE
        self._count = count
        if at == 0 and count < left:
            spi.hold(True)
        write = self._write.move(spi) if self._doing != _READ else None
        read = self._read.move(spi) if self._reads else None
        status = spi.transfer(write, read, count)
        if status:
            give_back(write)
            give_back(read)
        return status

    def transferred(self, write: "Buffer | None", read: "Buffer | None", status: int) -> None:
        """From the bus."""
        give_back(write)
        give_back(read)
        entry = self._user
        if entry is None or not entry.alive():
            self._finish()
            return
        count = self._count
        if status == 0 and self._reads:
            count = entry.read_write(0).write(self._at, self._read, 0, count)
        if status == 0:
            self._at += count
            if count == self._count and self._at < self._length and self._next(entry) == 0:
                return
        at = self._at
        self._finish()
        entry.schedule_upcall(0, at, 0, 0)

    def _finish(self) -> None:
        """The bus is others' again."""
        self._user = None
        self._busy = False
        self._spi.hold(False)
