"""A range of the chip's flash, through the core: it writes at once, and this says so a little later.

A page is erased in pieces, since the processor stands still meanwhile; between them others have their turn.
"""

from cells import Buffer, TakeCell
from kernel import FlashRange, InterruptLine
from micropython import const

from capsules.hil.flash import FlashClient

# What is under way.
_WRITING = const(0)  # or nothing
_ERASING = const(1)
_ERASED = const(2)  # the client is being told, or was cut short


class OnChipFlash:
    """A HIL Flash."""

    def __init__(self, flash: FlashRange, line: InterruptLine) -> None:
        self._flash = flash
        self._line = line
        self._client: "FlashClient | None" = None
        self._buffer: TakeCell[Buffer] = TakeCell()
        self._page = 0
        self._piece = 0
        self._doing = _WRITING
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
        self._flash.write(offset, buffer, 0, length)
        self._buffer.put(buffer.move(self))
        self._doing = _WRITING
        self._line.trigger()

    def erase(self, page: int) -> None:
        self._page = page
        self._piece = 0
        self._doing = _ERASING
        self._line.trigger()

    def _done(self) -> None:
        """From the line, and once more after a call that was cut short."""
        if self._doing == _ERASING:
            if not self._flash.erase(self._page, self._piece):
                self._piece += 1
                self._line.trigger()
                return
            self._doing = _ERASED
        client = self._client
        if client is None:
            return
        if self._doing == _ERASED:
            client.erased(0)
            if self._doing == _ERASED:  # the client has begun nothing else
                self._doing = _WRITING
            return
        buffer = self._buffer.take()
        if buffer is not None:  # else the client has it, and was cut short: it is not told of anything else
            client.written(buffer.give_back(), 0)
