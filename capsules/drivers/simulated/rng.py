"""Bytes that only look random, for a board without a source of randomness: good for trying things out, no secret.

Four registers are the seed, which the host sets when the board is switched on (adder/run/simulated.py).
"""

from cells import Buffer, TakeCell
from kernel import Registers
from micropython import const

from capsules.hil.rng import RngClient
from capsules.hil.time import Alarm

_SEED = const(0x00)
_BITS = const(24)
_MASK = const(0xFFFFFF)
_STEP = const(0x6C8E95)  # odd, so it goes through all numbers
_JUSTIFY = const(8)  # an alarm's frequency is that of its counter shifted left
_TIMES_A_SECOND = const(500)  # it gives some bytes: a source without a limit would take all of the CPU
_AT_ONCE = const(4)


class SimulatedRng:
    """A HIL Rng: Marsaglia's xorshift of four words, plus a counter."""

    def __init__(self, registers: Registers, alarm: Alarm) -> None:
        self._alarm = alarm
        self._ticks = (alarm.frequency >> _JUSTIFY) // _TIMES_A_SECOND
        self._client: "RngClient | None" = None
        self._buffer: TakeCell[Buffer] = TakeCell()
        self._length = 0
        self._at = 0
        self._seed = tuple([registers.field(_SEED + (word << 2), 0, _BITS) for word in range(4)])
        self._a = 0
        self._b = 0
        self._c = 0
        self._d = 0
        self._counter = 0
        self._cold = 0  # bytes of no use, since the seed shows in them
        alarm.set_client(self._done)

    def start(self) -> None:
        self._a = self._seed[0]()
        self._b = self._seed[1]()
        self._c = self._seed[2]()
        self._d = self._seed[3]()
        self._cold = 32

    def set_client(self, client: RngClient) -> None:
        self._client = client

    def fill(self, buffer: Buffer, length: int) -> None:
        self._buffer.put(buffer.move(self))
        self._length = length
        self._at = 0
        self._alarm.set_alarm(self._ticks)

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
        while self._cold > 0:
            self._cold -= 1
            self._next()
        at = self._at
        end = min(at + _AT_ONCE, self._length)
        self._at = end
        while at < end:
            buffer[at] = self._next()
            at += 1
        if end < self._length:
            self._buffer.put(buffer)
            self._alarm.set_alarm(self._ticks)
        elif self._client is not None:
            self._client.filled(buffer.give_back(), self._length, 0)
