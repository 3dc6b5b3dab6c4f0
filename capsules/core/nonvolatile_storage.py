"""Storage that keeps its contents without power: bytes at offsets, a region for each program.

Driver number 0x50001. The region belongs to the write id in the program's header, so it outlives the program and what
replaces it under the same id; no other program reaches it. Programs without a write id share one region, as all do on
Tock. All of it is 0xFF at first.

Command
    0 exists              -> success
    1 size                -> success_u32(bytes of the region), NOMEM if there is no room for a region
    2 read  offset length -> success, INVAL if that is not in the region, RESERVE if there is no buffer, NOMEM; also if
                             this process has a request that waits for its turn
    3 write offset length -> success, INVAL, RESERVE, NOMEM. A write is atomic, whenever the power is cut; when its
                             upcall comes, it is done

Subscribe
    0 read:  (bytes, 0, 0)  no more than the buffer has, and at most 512
    1 wrote: (bytes, 0, 0)  the same; 0 if the flash has failed

Allow read-only
    0 what to write

Allow read-write
    0 where to put what is read
"""

from cells import Buffer, TakeCell
from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId, success_u32
from micropython import const

from capsules.virtual.flash_regions import AROUND, BEFORE, FlashRegions

DRIVER_NUM = const(0x50001)

LAYOUT = Layout(upcalls=2, read_write=1, read_only=1, u32=4, answers=4, asks=b"\x02\x00\x03\x01")

# Commands
_EXISTS = const(0)
_SIZE = const(1)
_READ = const(2)
_WRITE = const(3)

_REGION = const(0)  # its number plus 1
_WAITING = const(1)  # the command that waits for its turn, or 0
_OFFSET = const(2)  # of what waits
_LENGTH = const(3)


class NonvolatileStorage:
    """Does one request after the other; one of each process may wait. `buffer` holds AROUND bytes more than a request."""

    def __init__(self, regions: FlashRegions, grant: Grant, buffer: Buffer) -> None:
        self._regions = regions
        self._size = regions.size
        self._grant = grant
        self._slots = grant.SLOTS
        self._longest = len(buffer) - AROUND
        self._buffer = TakeCell(buffer)
        self._asker: "Entry | None" = None  # whose request is under way
        self._slot = 0
        self._doing = _READ
        self._count = 0
        regions.set_client(self._done)

    def command(self, number: int, offset: int, length: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number < 0 or number > _WRITE:
            return ErrorCode.NOSUPPORT
        if number == _SIZE:
            return self._serve(_SIZE, 0, 0, process)
        if offset < 0 or length < 0 or offset >= int(self._size) or length > int(self._size) - offset:
            return ErrorCode.INVAL
        return self._serve(number, offset, length, process)

    def _serve(self, number: int, offset: int, length: int, process: ProcessId) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if entry[_REGION] == 0:
            owner = process.write_id
            region = self._regions.find(owner)
            if region < 0:
                region = self._regions.new(owner)
            if region < 0:
                return ErrorCode.NOMEM
            entry[_REGION] = region + 1
        if number == _SIZE:
            return success_u32(self._size)
        view = entry.read_write(0) if number == _READ else entry.read_only(0)
        if not view:
            return ErrorCode.RESERVE
        length = min(length, len(view))
        if self._buffer.is_some():
            self._do(entry, process.slot, number, offset, length)
            return SUCCESS
        if entry[_WAITING]:
            return ErrorCode.NOMEM
        entry[_OFFSET] = offset
        entry[_LENGTH] = length
        entry[_WAITING] = number
        return SUCCESS

    def _do(self, entry: Entry, slot: int, number: int, offset: int, length: int) -> None:
        buffer = self._buffer.take()
        if buffer is None:
            return
        self._slot = slot
        region = entry[_REGION] - 1
        count = min(length, self._longest)
        if number == _WRITE:
            count = entry.read_only(0).read(0, buffer, BEFORE, count)
        if count == 0:
            self._buffer.put(buffer)
            entry.schedule_upcall(number - _READ, 0, 0, 0)
            return
        self._asker = entry
        self._doing = number
        self._count = count
        if number == _WRITE:
            self._regions.write(region, offset, buffer.move(self._regions), count)  # _done() gets it back
        else:
            self._regions.read(region, offset, buffer.move(self._regions), count)

    def _done(self, buffer: Buffer, status: int) -> None:
        """From the regions."""
        buffer = buffer.give_back()
        entry = self._asker
        self._asker = None
        if entry is not None and entry.alive():
            count = 0 if status else self._count
            if self._doing == _READ:
                count = entry.read_write(0).write(0, buffer, 0, count)
            entry.schedule_upcall(self._doing - _READ, count, 0, 0)
        self._buffer.put(buffer)
        last = self._slot
        for step in range(1, self._slots + 1):
            slot = last + step
            if slot >= self._slots:
                slot -= self._slots
            entry = self._grant.entry(slot)
            if entry is not None and entry[_WAITING]:
                number = entry[_WAITING]
                entry[_WAITING] = 0
                self._do(entry, slot, number, entry[_OFFSET], entry[_LENGTH])
                if not self._buffer.is_some():
                    return
