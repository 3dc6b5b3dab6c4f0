"""Bytes that only look random, for a board without a source of randomness: good for trying things out, no secret.

Four registers are the seed, which the host sets when the board is switched on (adder/simulated.py).
"""

from cells import Buffer, TakeCell
from kernel import InterruptLine, Registers
from micropython import const

from capsules.hil.rng import RngClient

_SEED = const(0x00)
_BITS = const(24)
_MASK = const(0xFFFFFF)
_STEP = const(0x6C8E95)  # odd, so it goes through all numbers


class SimulatedRng:
    """A HIL Rng: Marsaglia's xorshift of four words, plus a counter; the result comes from a software interrupt."""

    def __init__(self, registers: Registers, line: InterruptLine) -> None:
        self._line = line
        self._client: "RngClient | None" = None
        self._buffer: TakeCell[Buffer] = TakeCell()
        self._length = 0
        self._a = registers.field(_SEED, 0, _BITS)()
        self._b = registers.field(_SEED + 4, 0, _BITS)()
        self._c = registers.field(_SEED + 8, 0, _BITS)()
        self._d = registers.field(_SEED + 12, 0, _BITS)()
        self._counter = 0
        for _ in range(32):
            self._next()
        line.enable(self._done)

    def set_client(self, client: RngClient) -> None:
        self._client = client

    def fill(self, buffer: Buffer, length: int) -> None:
        self._buffer.put(buffer.move(self))
        self._length = length
        self._line.trigger()

    def _next(self) -> int:
        word = self._a ^ (self._a << 5 & _MASK)
        self._a = self._b
        self._b = self._c
        self._c = self._d
        self._d ^= self._d >> 9 ^ word ^ word >> 4
        self._counter = self._counter + _STEP & _MASK
        return self._d + self._counter >> 8 & 0xFF

    def _done(self) -> None:
        buffer = self._buffer.take()
        if buffer is None:
            return
        for at in range(self._length):
            buffer[at] = self._next()
        if self._client is not None:
            self._client.filled(buffer.give_back(), self._length, 0)
