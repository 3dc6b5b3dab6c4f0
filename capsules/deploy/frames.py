"""Frames of Tock's bootloader protocol: bytes, then 0xFC and the number of a command; 0xFC among the bytes is sent twice.

What comes in is taken apart a run of bytes at a time, not byte by byte.
"""

from cells import Buffer
from micropython import const

ESCAPE = const(0xFC)

NO_COMMAND = const(-1)

_ESCAPES_AT_ONCE = const(32)


class FrameReader:
    """Collects a frame's bytes in `frame`; those that it has no room for are counted and lost."""

    def __init__(self, frame: Buffer) -> None:
        self._frame = frame
        self._size = len(frame)
        self._escaped = False
        self._block: "Buffer | None" = None
        self.length = 0
        self.command = NO_COMMAND

    def begin(self) -> None:
        """Wait for the next frame."""
        self.length = 0
        self.command = NO_COMMAND

    def forget(self) -> None:
        """Nothing has come in yet."""
        self.begin()
        self._escaped = False

    def take(self, block: Buffer, at: int, end: int) -> int:
        """Take bytes of the block, up to a frame's end at most: up to where. `command` is not NO_COMMAND if that is one."""
        for _ in range(_ESCAPES_AT_ONCE):
            if at >= end:
                break
            if self._escaped:
                self._escaped = False
                if block[at] != ESCAPE:
                    self.command = block[at]
                    return at + 1
                self._put(block, at, 1)  # a doubled one is one
                at += 1
                continue
            self._block = block
            found = self._find(at, end)
            self._block = None
            self._put(block, at, found - at)
            at = found
            if found < end:
                self._escaped = True
                at += 1
        return at

    def _put(self, block: Buffer, at: int, count: int) -> None:
        room = min(count, self._size - self.length)
        if room > 0:
            self._frame.copy(self.length, block, at, room)
        self.length += count

    def _find(self, at: int, end: int) -> int:
        """Where the next escape is in the block; `end` if there is none."""
        block = self._block
        if not block:
            return end
        while at < end:
            if int(block[at]) == 0xFC:
                return at
            at += 1
        return end


class FrameWriter:
    """Puts an answer into `out`, which has to be twice as long as what is put."""

    def __init__(self, out: Buffer) -> None:
        self._out = out
        self._source: "Buffer | None" = None
        self.length = 0

    def begin(self, code: int) -> None:
        """An answer begins with 0xFC and its number."""
        self._out[0] = ESCAPE
        self._out[1] = code
        self.length = 2

    def go_on(self) -> None:
        """What comes next belongs to the same answer, the beginning of which has been sent."""
        self.length = 0

    def put(self, byte: int) -> None:
        out = self._out
        out[self.length] = byte
        self.length += 1
        if byte & 0xFF == ESCAPE:
            out[self.length] = ESCAPE
            self.length += 1

    def put_word(self, value: int) -> None:
        """Little-endian; -1 is all ones."""
        for shift in (0, 8, 16, 24):
            self.put(value >> shift & 0xFF)

    def put_bytes(self, source: Buffer, at: int, count: int) -> None:
        end = at + count
        while at < end:
            self._source = source
            found = self._find(at, end)
            self._source = None
            if found == at:
                self.put(ESCAPE)
                at += 1
            else:
                self._out.copy(self.length, source, at, found - at)
                self.length += found - at
                at = found

    def _find(self, at: int, end: int) -> int:
        """Where the next byte is that has to be sent twice; `end` if there is none."""
        source = self._source
        if not source:
            return end
        while at < end:
            if int(source[at]) == 0xFC:
                return at
            at += 1
        return end
