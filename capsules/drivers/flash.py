"""A range of the chip's flash, through the core: it writes at once, and this says so a little later.

A page is erased in pieces, since the processor stands still meanwhile; between them others have their turn.
"""

from cells import Buffer, TakeCell
from kernel import FlashRange, InterruptLine

from capsules.hil.flash import FlashClient


class RangeFlash:
    """A HIL Flash."""

    def __init__(self, flash: FlashRange, line: InterruptLine) -> None:
        self._flash = flash
        self._line = line
        self._client: "FlashClient | None" = None
        self._buffer: TakeCell[Buffer] = TakeCell()
        self._page = 0
        self._piece = 0
        self._erasing = False
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
        self._line.trigger()

    def erase(self, page: int) -> None:
        self._page = page
        self._piece = 0
        self._erasing = True
        self._line.trigger()

    def _done(self) -> None:
        if self._erasing:
            if self._flash.erase(self._page, self._piece):
                self._erasing = False
            else:
                self._piece += 1
                self._line.trigger()
                return
        buffer = self._buffer.take()
        client = self._client
        if client is None:
            return
        if buffer is None:
            client.erased(0)
        else:
            client.written(buffer.give_back(), 0)
