"""A range of the chip's flash, through the core.

It is written and erased in pieces, since the processor stands still meanwhile; between them others have their turn. After a
piece of an erasure that nobody waits for there is a pause as long, or who needs several turns, as to take what comes in over a
line, would wait for a piece before each. What is to be written meanwhile is written.
"""

from cells import Buffer
from kernel import ErrorCode, FlashRange, InterruptLine
from micropython import const

from capsules.hil.flash import FlashClient
from capsules.hil.time import Alarm

# How far a write is, or an erasure.
_NOTHING = const(0)
_UNDER_WAY = const(1)
_OVER = const(2)  # the client is being told, or that was cut short

_PAUSES = const(400)  # that would fill a second


class OnChipFlash:
    """A HIL Flash."""

    def __init__(self, flash: FlashRange, line: InterruptLine, alarm: "Alarm | None" = None) -> None:
        self._flash = flash
        self._line = line
        self._alarm = alarm
        self._client: "FlashClient | None" = None
        self._buffer: "Buffer | None" = None  # what is written
        self._offset = 0
        self._at = 0  # bytes of it that are written
        self._length = 0
        self._status = 0
        self._doing = _NOTHING
        self._page = 0
        self._piece = 0
        self._is_ahead = False
        self._erased = 0  # the status
        self._erasing = _NOTHING
        self._pauses = False
        line.enable(self._done)
        if alarm is not None:
            alarm.set_client(self._paused)

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
        self._status = 0
        self._doing = _UNDER_WAY
        self._line.trigger()

    def erase(self, page: int, ahead: bool = False) -> None:
        self._page = page
        self._is_ahead = ahead
        self._piece = 0
        self._erased = 0
        self._erasing = _UNDER_WAY
        self._pauses = False
        self._line.trigger()

    def _done(self) -> None:
        """From the line, and once more after a call that was cut short."""
        if self._doing != _NOTHING:
            self._go_on_writing()
            if self._doing != _NOTHING or self._erasing != _NOTHING:
                self._line.trigger()
        elif self._erasing != _NOTHING and not self._pauses:
            self._go_on_erasing()

    def _paused(self) -> None:
        """From the alarm."""
        self._pauses = False
        self._line.trigger()

    def _go_on_writing(self) -> None:
        if self._doing == _UNDER_WAY:
            try:
                if not self._write_on():
                    return
            except Exception:  # the range has changed: a program was loaded there
                self._status = ErrorCode.FAIL
            self._doing = _OVER
        client, buffer = self._client, self._buffer
        if client is not None and buffer is not None and self._is_ours(buffer):  # else it has been told, and has it
            client.written(buffer, self._status)
        if self._doing == _OVER:  # the client has begun nothing else
            self._doing = _NOTHING

    def _write_on(self) -> bool:
        """A piece; True if there is none left."""
        at = self._at
        buffer = self._buffer
        if at == self._length or buffer is None:
            return True
        self._at = at + self._flash.write(self._offset + at, buffer, at, self._length - at)
        return False

    def _go_on_erasing(self) -> None:
        if self._erasing == _UNDER_WAY:
            try:
                if not self._erase_on():
                    return
            except Exception:  # so, too
                self._erased = ErrorCode.FAIL
            self._erasing = _OVER
        client = self._client
        if client is not None:
            client.erased(self._erased)
        if self._erasing == _OVER:
            self._erasing = _NOTHING

    def _erase_on(self) -> bool:
        """A piece; True if it was the last."""
        if self._flash.erase(self._page, self._piece):
            return True
        self._piece += 1
        alarm = self._alarm
        if alarm is None or not self._is_ahead:
            self._line.trigger()
        else:
            self._pauses = True
            alarm.set_alarm((int(alarm.frequency) >> 8) // _PAUSES)
        return False

    def _is_ours(self, buffer: Buffer) -> bool:
        try:
            return len(buffer) > 0
        except RuntimeError:
            return False
