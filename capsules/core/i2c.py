"""An I2C bus for user programs, as its master.

Driver number 0x20003 (Tock: capsules/core/src/i2c_master.rs). Addresses have 7 bits.

Command
    0 exists                                        -> success
    1 write      address                length      -> success, INVAL if there is no buffer or no such address, SIZE if the length is
                                                       0, more than the buffer has, or more than 64, RESERVE if the kernel has this
                                                       device for itself, NOMEM; also if this process has a transfer under way
    2 read       address                length      -> success, the same
    3 write_read address | length << 8  read length -> success, the same; first `length` bytes are written

Subscribe
    0 done: (status, 0, 0)  status 0; NOACK: nobody has this address, or the device refused a byte; SIZE: the buffer has become too
                            short; FAIL: the bus hung, or was disturbed

Allow read-write
    1 what to write, and where to put what is read: from its beginning
"""

from cells import Buffer
from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.i2c import I2c
from capsules.parts.lent import give_back
from capsules.parts.process_queue import ProcessQueue

DRIVER_NUM = const(0x20003)

LAYOUT = Layout(upcalls=1, read_write=2, u32=4, answers=1, asks=b"\x01\x00\x02\x00\x03\x00")

# Commands
_EXISTS = const(0)
_WRITE = const(1)
_READ = const(2)
_WRITE_READ = const(3)

_ASKS = const(0)  # 1 from the command to its upcall
_ADDRESS = const(1)
_TO_WRITE = const(2)  # bytes
_TO_READ = const(3)

_BUFFER = const(1)
_LAST_ADDRESS = const(0x7F)
_TOO_MANY = const(0xFFFF)  # bytes


class I2cDriver:
    """Makes one process's transfer after the other; one of each may wait. A transfer has no more bytes than the buffers."""

    def __init__(self, i2c: I2c, grant: Grant, write: Buffer, read: Buffer) -> None:
        self._i2c = i2c
        self._grant = grant
        self._longest = min(len(write), len(read))
        self._write = write
        self._read = read
        self._queue = ProcessQueue(grant, _ASKS, self._begin, self._answer)
        i2c.set_client(self)

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number < 0 or number > _WRITE_READ:
            return ErrorCode.NOSUPPORT
        length = second if 0 <= second <= _TOO_MANY else _TOO_MANY
        if number == _WRITE_READ:
            return self._ask(process, first & 0xFF, first >> 8 & 0xFFFFFF, length)
        address = first if 0 <= first <= _LAST_ADDRESS else _LAST_ADDRESS + 1
        if number == _WRITE:
            return self._ask(process, address, length, 0)
        return self._ask(process, address, 0, length)

    def _ask(self, process: ProcessId, address: int, to_write: int, to_read: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        size = len(entry.read_write(_BUFFER))
        if size == 0 or address > _LAST_ADDRESS:
            return ErrorCode.INVAL
        if entry[_ASKS]:
            return ErrorCode.NOMEM
        most = min(size, self._longest)
        if to_write > most or to_read > most or to_write + to_read == 0:
            return ErrorCode.SIZE
        entry[_ADDRESS] = address
        entry[_TO_WRITE] = to_write
        entry[_TO_READ] = to_read
        status = self._queue.ask(entry, process.slot, 1)
        return status if status else SUCCESS

    def _begin(self, entry: Entry, _: int) -> int:
        """Begin a process's transfer. 0 or an ErrorCode."""
        to_write = entry[_TO_WRITE]
        if entry.read_write(_BUFFER).read(0, self._write, 0, to_write) < to_write:
            return ErrorCode.SIZE
        return self._transfer(entry[_ADDRESS], to_write, entry[_TO_READ])

    def _transfer(self, address: int, to_write: int, to_read: int) -> int:
        i2c = self._i2c
        write = self._write.move(i2c) if to_write else None
        read = self._read.move(i2c) if to_read else None
        if read is None:
            status = i2c.write(address, write, to_write) if write is not None else ErrorCode.SIZE
        elif write is None:
            status = i2c.read(address, read, to_read)
        else:
            status = i2c.write_read(address, write, to_write, read, to_read)
        if status:
            give_back(write)
            give_back(read)
        return status

    def transferred(self, write: "Buffer | None", read: "Buffer | None", status: int) -> None:
        """From the bus."""
        give_back(write)
        give_back(read)
        entry = self._queue.over()
        if entry is not None:
            self._answer(entry, status)
        self._queue.go_on()

    def _answer(self, entry: Entry, status: int) -> None:
        entry[_ASKS] = 0
        if status == 0:
            to_read = entry[_TO_READ]
            if entry.read_write(_BUFFER).write(0, self._read, 0, to_read) < to_read:
                status = ErrorCode.SIZE
        entry.schedule_upcall(0, status, 0, 0)
