"""A range of the chip's flash, through the core.

It is written and erased in pieces, since the processor stands still meanwhile; between them others have their turn.
"""

from cells import Buffer
from kernel import FlashRange, InterruptLine
from micropython import const

from capsules.hil.flash import FlashClient

# What is under way.
_NOTHING = const(0)
_WRITING = const(1)
_ERASING = const(2)
_ERASED = const(3)  # the client is being told, or was cut short


class OnChipFlash:
    """A HIL Flash."""

    def __init__(self, flash: FlashRange, line: InterruptLine) -> None:
        self._flash = flash
        self._line = line
        self._client: "FlashClient | None" = None
        self._buffer: "Buffer | None" = None  # while it is being written
        self._offset = 0
        self._at = 0  # bytes of it that are written
        self._length = 0
        self._page = 0
        self._piece = 0
        self._doing = _NOTHING
        line.enable(self._done)

    def set_client(self, client: FlashClient) -> None:
        self._client = client

    def length(self) -> int:
        return self._flash.length()

    def page_size(self) -> int:
        return self._flash.page_size()

    def read(self, offset: int, buffer: Buffer, start: int, length: int) -> None:
        self._flash.read(offset, buffer, start, length)

    def write(self, offset: int, buffer: Buffer, length: int) -> None:
        self._offset = offset
        self._length = length
        self._at = self._flash.write(offset, buffer, 0, length)
        self._buffer = buffer.move(self)
        self._doing = _WRITING
        self._line.trigger()

    def erase(self, page: int) -> None:
        self._page = page
        self._piece = 0
        self._doing = _ERASING
        self._line.trigger()

    def _done(self) -> None:
        """From the line, and once more after a call that was cut short."""
        buffer = self._buffer
        client = self._client
        if self._doing == _ERASING:
            if not self._flash.erase(self._page, self._piece):
                self._piece += 1
                self._line.trigger()
                return
            self._doing = _ERASED
        elif self._doing == _WRITING and buffer is not None:
            at = self._at
            if at < self._length:
                self._at = at + self._flash.write(self._offset + at, buffer, at, self._length - at)
                self._line.trigger()
                return
            self._doing = _NOTHING  # from here on the client has it; if it is cut short, it is not told of anything else
            if client is not None:
                client.written(buffer.give_back(), 0)
        if self._doing == _ERASED and client is not None:
            client.erased(0)
            if self._doing == _ERASED:  # the client has begun nothing else
                self._doing = _NOTHING
