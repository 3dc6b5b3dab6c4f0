"""Temperature sensor of the chip: nRF52840 Product Specification v1.7, 6.28 "TEMP"."""

from typing import Callable

from kernel import InterruptLine, Registers
from micropython import const

from capsules.hil.system import ExactClock

# 6.28 "TEMP", registers
_START = const(0x000)
_STOP = const(0x004)
_DATARDY = const(0x100)
_INTENSET = const(0x304)
_TEMP = const(0x508)

_INT_DATARDY = const(1)
_BITS = const(12)  # as many as a chip's temperature needs, of a signed number of 32
_SIGN = const(0x800)
_CENTIDEGREES = const(25)  # TEMP, "TEMP": in steps of 0.25 degrees Celsius


class Temperature:
    """A HIL TemperatureSensor. It is exact only with the exact clock (6.28), which runs while it measures."""

    def __init__(self, registers: Registers, line: InterruptLine, clock: ExactClock) -> None:
        self._clock = clock
        self._start = registers.field(_START, 0, 32)
        self._stop = registers.field(_STOP, 0, 32)
        self._ready = registers.field(_DATARDY, 0, 1)
        self._value = registers.field(_TEMP, 0, _BITS)
        self._measured: "Callable[[int, int], None] | None" = None
        self._result = 0
        self._over = False  # the client is being told, or that was cut short
        self._ready(0)
        registers.write(_INTENSET, _INT_DATARDY)
        line.enable(self._done)
        clock.set_client(self._begin)

    def set_client(self, measured: "Callable[[int, int], None]") -> None:
        self._measured = measured

    def measure(self) -> int:
        self._over = False
        if self._clock.request():
            self._begin()
        return 0

    def _begin(self) -> None:
        self._start(1)

    def _done(self) -> None:
        """From the hardware, and once more after a call that was cut short."""
        if self._ready():
            self._result = self._value()
            self._over = True
            self._ready(0)
        if not self._over:
            return
        self._stop(1)
        self._clock.release()
        value = self._result
        if value >= _SIGN:
            value -= 2 * _SIGN
        if self._measured is not None:
            self._measured(int(value) * _CENTIDEGREES, 0)
        self._over = False
