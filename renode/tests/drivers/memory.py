"""A page of the storage: written, and erased in pieces."""

from cells import Buffer
from kernel import log
from micropython import const

from capsules.bench.bus import I2cBench
from capsules.hil.flash import Flash

_PAGE = const(2)


class FlashBench:
    """Says what is in the first bytes, before and after."""

    def __init__(self, flash: Flash, following: I2cBench) -> None:
        self._flash = flash
        self._following = following
        self._buffer = Buffer(8)
        flash.set_client(self)

    def begin(self) -> None:
        for at in range(8):
            self._buffer[at] = 0x50 + at
        self._flash.write(_PAGE * 4096 + 4088, self._buffer.move(self._flash), 8)

    def written(self, buffer: Buffer, status: int) -> None:
        buffer.give_back()
        self._show("written", status)
        self._flash.erase(_PAGE)

    def erased(self, status: int) -> None:
        self._show("erased", status)
        self._following.begin()

    def _show(self, what: str, status: int) -> None:
        self._flash.read(_PAGE * 4096 + 4088, self._buffer, 0, 8)
        text = ""
        for at in range(8):
            byte = self._buffer[at]
            text += f"{byte:02x}"
        log(f"bench: flash {what}, status {status}, {text}")
