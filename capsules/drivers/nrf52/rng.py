"""Random number generator: nRF52840 Product Specification v1.7, 6.21 "RNG"."""

from cells import Buffer
from kernel import InterruptLine, Registers
from micropython import const

from capsules.hil.rng import RngClient

# 6.21 "RNG", registers
_START = const(0x000)
_STOP = const(0x004)
_VALRDY = const(0x100)
_SHORTS = const(0x200)
_INTENSET = const(0x304)
_CONFIG = const(0x504)
_VALUE = const(0x508)

_INT_VALRDY = const(1)
_BIAS_CORRECTION = const(1)  # RNG, "CONFIG": slower, and ones as frequent as zeros


class TrueRng:
    """A HIL Rng. A byte takes some 120 microseconds and an interrupt; it runs while somebody waits."""

    def __init__(self, registers: Registers, line: InterruptLine) -> None:
        self._start = registers.field(_START, 0, 32)
        self._stop = registers.field(_STOP, 0, 32)
        self._ready = registers.field(_VALRDY, 0, 1)
        self._value = registers.field(_VALUE, 0, 8)
        self._client: "RngClient | None" = None
        self._buffer: "Buffer | None" = None
        self._at = 0
        self._length = 0
        self._stop(1)  # a bootloader may have left it running
        registers.write(_SHORTS, 0)
        registers.write(_CONFIG, _BIAS_CORRECTION)
        self._ready(0)
        registers.write(_INTENSET, _INT_VALRDY)
        line.enable(self._interrupt)

    def set_client(self, client: RngClient) -> None:
        self._client = client

    def fill(self, buffer: Buffer, length: int) -> None:
        self._at = 0
        self._length = length
        self._buffer = buffer
        self._ready(0)
        self._start(1)

    def _interrupt(self) -> None:
        """From the hardware, and once more after a call that was cut short."""
        buffer = self._buffer
        if buffer is not None and self._at < self._length:
            if not self._ready():
                return
            buffer[self._at] = self._value()
            self._ready(0)
            self._at += 1
            if self._at < self._length:
                return
        self._stop(1)
        self._ready(0)
        client = self._client
        if buffer is not None and client is not None:
            if self._is_ours(buffer):  # else it has been told, and has it
                client.filled(buffer, self._length, 0)
            if self._at == self._length:  # it has asked for nothing else
                self._buffer = None

    def _is_ours(self, buffer: Buffer) -> bool:
        try:
            return len(buffer) > 0
        except RuntimeError:
            return False
