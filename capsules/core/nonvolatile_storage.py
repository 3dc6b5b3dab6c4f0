"""Storage that keeps its contents without power: bytes at offsets, a region for each program.

Driver number 0x50001. The region belongs to the write id in the program's header, so it outlives the program and what
replaces it under the same id; no other program reaches it. Programs without a write id share one region, as all do on
Tock. All of it is 0xFF at first. A program may have more than one piece of flash, if its permissions name command 64.

Command
    0 exists              -> success
    1 size                -> success_u32(bytes of the region), NOMEM if there is no room for a region
    2 read  offset length -> success, INVAL if that is not in the region, RESERVE if there is no buffer, NOMEM; also if
                             this process has a request that waits for its turn
    3 write offset length -> success, INVAL, RESERVE, NOMEM. A write is atomic, whenever the power is cut; when its
                             upcall comes, it is done
    64 grow bytes         -> success_u32(bytes of the region), which are as many or more; NOMEM. What was never written
                             to in a piece is not kept for longer than until the next boot

Subscribe
    0 read:  (bytes, 0, 0)  no more than the buffer has, at most 512, and none of the next piece's (2 KB)
    1 wrote: (bytes, 0, 0)  the same; 0 if the flash has failed

Allow read-only
    0 what to write

Allow read-write
    0 where to put what is read
"""

from cells import Buffer
from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId, success_u32
from micropython import const

from capsules.parts.process_queue import DONE, ProcessQueue
from capsules.virtual.flash_regions import AROUND, BEFORE, FlashRegions

DRIVER_NUM = const(0x50001)

LAYOUT = Layout(upcalls=2, read_write=1, read_only=1, u32=5, answers=4, asks=b"\x02\x00\x03\x01")

# Commands
_EXISTS = const(0)
_SIZE = const(1)
_READ = const(2)
_WRITE = const(3)
_GROW = const(64)  # beyond what a permission for the whole driver has

_REGION = const(0)  # its number plus 1
_WAITING = const(1)  # the command that waits for its turn, or 0
_OFFSET = const(2)  # of what waits, or has just begun
_LENGTH = const(3)
_SIZE_NOW = const(4)  # bytes that its program has


class NonvolatileStorage:
    """Does one request after the other; one of each process may wait. `buffer` holds AROUND bytes more than a request.

    No program has more than `most` regions.
    """

    def __init__(self, regions: FlashRegions, grant: Grant, buffer: Buffer, most: int = 1) -> None:
        self._regions = regions
        self._most = most
        self._size = regions.size
        self._grant = grant
        self._longest = len(buffer) - AROUND
        self._buffer = buffer
        self._queue = ProcessQueue(grant, _WAITING, self._begin, self._answer)
        self._doing = _READ
        self._count = 0
        regions.set_client(self._done)

    def command(self, number: int, offset: int, length: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number < 0 or number > _WRITE and number != _GROW:
            return ErrorCode.NOSUPPORT
        if number == _SIZE:
            return self._serve(_SIZE, 0, 0, process)
        if offset < 0 or length < 0:
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
            entry[_SIZE_NOW] = self._kept(owner)
        if number == _GROW:
            return self._grow(entry, process.write_id, offset)
        size = entry[_SIZE_NOW]
        if number == _SIZE:
            return success_u32(size)
        if offset >= size or length > size - offset:
            return ErrorCode.INVAL
        view = entry.read_write(0) if number == _READ else entry.read_only(0)
        if not view:
            return ErrorCode.RESERVE
        length = min(length, len(view))
        if entry[_WAITING]:
            return ErrorCode.NOMEM
        entry[_OFFSET] = offset
        entry[_LENGTH] = length
        status = self._queue.ask(entry, process.slot, number)
        return status if status else SUCCESS

    def _kept(self, owner: int) -> int:
        """Bytes of the pieces that the owner has already."""
        piece = 1
        while piece < self._most and self._regions.find(owner, piece) >= 0:
            piece += 1
        return int(piece) * int(self._size)

    def _grow(self, entry: Entry, owner: int, wanted: int) -> "CommandReturn | int":
        size = int(self._size)
        pieces = entry[_SIZE_NOW] // size
        if wanted > int(self._most) * size or (wanted + size - 1) // size - pieces > self._regions.left():
            return ErrorCode.NOMEM
        while int(pieces) * size < wanted:
            if self._regions.find(owner, pieces) < 0 and self._regions.new(owner, pieces) < 0:
                return ErrorCode.NOMEM
            pieces += 1
        entry[_SIZE_NOW] = max(entry[_SIZE_NOW], int(pieces) * size)
        return success_u32(entry[_SIZE_NOW])

    def _begin(self, entry: Entry, number: int) -> int:
        """Read or write for a process."""
        entry[_WAITING] = 0  # another one may wait meanwhile
        buffer = self._buffer
        offset = entry[_OFFSET]
        region = entry[_REGION] - 1
        count = min(entry[_LENGTH], self._longest)
        size = int(self._size)
        if offset + count > size:  # not all of it is in the first piece
            piece = offset // size
            offset -= int(piece) * size
            count = min(count, size - offset)
            region = self._regions.find(self._regions.owner_of(region), piece)
        if number == _WRITE:
            count = entry.read_only(0).read(0, buffer, BEFORE, count)
        if count == 0:
            entry.schedule_upcall(number - _READ, 0, 0, 0)
            return DONE
        self._doing = number
        self._count = count
        regions = self._regions
        if number == _WRITE:
            regions.write(region, offset, buffer.move(regions), count)  # _done() gets it back
        else:
            regions.read(region, offset, buffer.move(regions), count)
        return 0

    def _answer(self, entry: Entry, status: int) -> None:
        """Nobody is refused once it waits."""

    def _done(self, buffer: Buffer, status: int) -> None:
        """From the regions."""
        buffer = buffer.give_back()
        entry = self._queue.over()
        if entry is not None:
            count = 0 if status else self._count
            if self._doing == _READ:
                count = entry.read_write(0).write(0, buffer, 0, count)
            entry.schedule_upcall(self._doing - _READ, count, 0, 0)
        self._queue.go_on()
