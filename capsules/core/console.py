"""The console for user programs.

Driver number 0x1 (stable since Tock 1.0).

Command
    0 exists       -> success
    1 write length -> success, BUSY if this process is writing, NOMEM
    2 read  length -> success, BUSY if a process is reading, INVAL if longer than 64 bytes, NOMEM
    3 abort read   -> success

Subscribe
    1 written: (bytes, bytes, 0)  the count twice: apps differ in which of the two they look at
    2 read:    (status, bytes, 0) status 0, or CANCEL after an abort

Allow read-only
    1 what to write

Allow read-write
    1 where to put what is read
"""

from cells import Buffer, TakeCell
from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.uart import Uart

DRIVER_NUM = const(0x1)

LAYOUT = Layout(upcalls=3, read_write=2, read_only=2, u32=3, answers=2, asks=b"\x01\x01\x02\x02")

# Commands
_EXISTS = const(0)
_WRITE = const(1)
_READ = const(2)
_ABORT_READ = const(3)

_LENGTH = const(0)  # bytes to write
_AT = const(1)  # bytes written
_WRITING = const(2)  # 1 from the command to its upcall

_WRITTEN = const(1)
_RECEIVED = const(2)


class ConsoleDriver:
    """Writes one process's buffer after the other, each whole; reads for one process at a time."""

    def __init__(self, uart: Uart, grant: Grant, transmit_buffer: Buffer, receive_buffer: Buffer) -> None:
        self._uart = uart
        self._grant = grant
        self._slots = grant.SLOTS
        self._transmit_buffer = TakeCell(transmit_buffer)
        self._receive_buffer = TakeCell(receive_buffer)
        self._longest_read = len(receive_buffer)
        self._writer: "Entry | None" = None
        self._writer_slot = 0
        self._writers = 0  # who has something to write, one bit a process slot
        self._reader: "Entry | None" = None
        self._next_reader: "Entry | None" = None  # waits for the reception of one that has ended to be over
        self._next_length = 0
        uart.set_client(self)

    def command(self, number: int, length: int, _: int, process: ProcessId) -> "CommandReturn | int":
        if number == _WRITE:
            return self._write(process, length if 0 <= length <= 0xFFFFFF else 0xFFFFFF)
        if number == _EXISTS:
            return SUCCESS
        if number == _READ:
            return self._read(process, length if 0 <= length <= 0xFFFF else 0xFFFF)
        if number == _ABORT_READ:
            return self._abort(self._grant.entry(process.slot))
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
        entry.read_only(1)  # its first use needs memory: before anything is begun that would be left half done
        entry[_LENGTH] = length
        entry[_AT] = 0
        self._writers |= 1 << process.slot
        entry[_WRITING] = 1
        if self._writer is None:
            self._writer = entry
            self._writer_slot = process.slot
            self._send()
        return SUCCESS

    def _send(self) -> None:
        """Send the writer's next bytes, or, if it has none left, go on to the next writer."""
        buffer = self._transmit_buffer.take()
        if buffer is None:
            return
        entry = self._writer
        while entry is not None:
            if self._grant.entry(self._writer_slot) is entry:
                count = entry.read_only(1).read(entry[_AT], buffer, 0, entry[_LENGTH] - entry[_AT])
                if count:
                    self._uart.transmit(buffer.move(self._uart), count)  # transmitted() gets it back
                    return
                entry[_WRITING] = 0
                self._writers &= ~(1 << self._writer_slot)
                at = entry[_AT]
                entry.schedule_upcall(_WRITTEN, at, at, 0)
            entry = self._next_writer()
            self._writer = entry
        self._transmit_buffer.put(buffer)

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
        """From the UART."""
        self._transmit_buffer.put(buffer.give_back())
        entry = self._writer
        if entry is not None and self._grant.entry(self._writer_slot) is entry:
            entry[_AT] += length
        self._send()

    def _read(self, process: ProcessId, length: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if length > self._longest_read:
            return ErrorCode.INVAL
        length = min(length, len(entry.read_write(1)))
        reader = self._reader
        waits = self._next_reader
        if (reader is not None and reader.alive()) or (waits is not None and waits.alive()):
            return ErrorCode.BUSY
        if length == 0:
            return ErrorCode.INVAL
        if reader is None:
            return self._begin_read(entry, length)
        self._next_length = length
        self._next_reader = entry
        self._uart.receive_abort()
        return SUCCESS

    def _begin_read(self, entry: Entry, length: int) -> "CommandReturn | int":
        buffer = self._receive_buffer.take()
        if buffer is None:
            return ErrorCode.BUSY
        self._reader = entry
        self._uart.receive(buffer.move(self._uart), length)
        return SUCCESS

    def _abort(self, entry: "Entry | None") -> "CommandReturn | int":
        if entry is not None and entry is self._next_reader:
            self._next_reader = None
            entry.schedule_upcall(_RECEIVED, ErrorCode.CANCEL, 0, 0)
        elif entry is not None and entry is self._reader:
            self._uart.receive_abort()
        return SUCCESS

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        """From the UART."""
        buffer = buffer.give_back()
        entry = self._reader
        self._reader = None
        if entry is not None and entry.alive():
            count = entry.read_write(1).write(0, buffer, 0, length)
            if count < length and status == 0:
                status = ErrorCode.NOMEM if count == 0 else ErrorCode.SIZE
            entry.schedule_upcall(_RECEIVED, status, count, 0)
        self._receive_buffer.put(buffer)
        entry = self._next_reader
        self._next_reader = None
        if entry is not None and entry.alive():
            self._begin_read(entry, self._next_length)
