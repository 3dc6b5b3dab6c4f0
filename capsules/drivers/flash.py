"""A range of the chip's flash, through the core.

It is written and erased in pieces, since the processor stands still meanwhile; between them others have their turn.
"""

from cells import Buffer
from kernel import ErrorCode, FlashRange, InterruptLine
from micropython import const

from capsules.hil.flash import FlashClient

# What is under way.
_NOTHING = const(0)
_WRITING = const(1)
_ERASING = const(2)
_OVER = const(2)  # more than that: the client is being told, or that was cut short
_WRITTEN = const(3)
_ERASED = const(4)


class OnChipFlash:
    """A HIL Flash."""

    def __init__(self, flash: FlashRange, line: InterruptLine) -> None:
        self._flash = flash
        self._line = line
        self._client: "FlashClient | None" = None
        self._buffer: "Buffer | None" = None  # what is written
        self._offset = 0
        self._at = 0  # bytes of it that are written
        self._length = 0
        self._page = 0
        self._piece = 0
        self._status = 0
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
        self._at = self._flash.write(offset, buffer, 0, length)
        self._offset = offset
        self._length = length
        self._buffer = buffer
        self._begin(_WRITING)

    def erase(self, page: int) -> None:
        self._page = page
        self._piece = 0
        self._begin(_ERASING)

    def _begin(self, doing: int) -> None:
        self._status = 0
        self._doing = doing
        self._line.trigger()

    def _done(self) -> None:
        """From the line, and once more after a call that was cut short."""
        if self._doing == _WRITING or self._doing == _ERASING:
            try:
                if not (self._write_on() if self._doing == _WRITING else self._erase_on()):
                    self._line.trigger()
                    return
            except Exception:  # the range has changed: a program was loaded there
                self._status = ErrorCode.FAIL
            self._doing += _OVER
        client = self._client
        if client is None or self._doing <= _OVER:
            return
        doing = self._doing
        buffer = self._buffer
        if doing == _ERASED:
            client.erased(self._status)
        elif buffer is not None and self._is_ours(buffer):  # else it has been told, and has it
            client.written(buffer, self._status)
        if self._doing == doing:  # the client has begun nothing else
            self._doing = _NOTHING

    def _write_on(self) -> bool:
        """A piece; True if there is none left."""
        at = self._at
        buffer = self._buffer
        if at == self._length or buffer is None:
            return True
        self._at = at + self._flash.write(self._offset + at, buffer, at, self._length - at)
        return False

    def _erase_on(self) -> bool:
        if self._flash.erase(self._page, self._piece):
            return True
        self._piece += 1
        return False

    def _is_ours(self, buffer: Buffer) -> bool:
        try:
            return len(buffer) > 0
        except RuntimeError:
            return False
