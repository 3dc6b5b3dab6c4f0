"""Temperature sensor of the chip: nRF52840 Product Specification v1.7, 6.28 "TEMP"."""

from typing import Callable

from kernel import InterruptLine, Registers
from micropython import const

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
    """A HIL TemperatureSensor."""

    def __init__(self, registers: Registers, line: InterruptLine) -> None:
        self._start = registers.field(_START, 0, 32)
        self._stop = registers.field(_STOP, 0, 32)
        self._ready = registers.field(_DATARDY, 0, 1)
        self._value = registers.field(_TEMP, 0, _BITS)
        self._measured: "Callable[[int], None] | None" = None
        self._ready(0)
        registers.write(_INTENSET, _INT_DATARDY)
        line.enable(self._done)

    def set_client(self, measured: "Callable[[int], None]") -> None:
        self._measured = measured

    def measure(self) -> None:
        self._start(1)

    def _done(self) -> None:
        if not self._ready():
            return
        value = self._value()
        self._ready(0)
        self._stop(1)
        if value >= _SIGN:
            value -= 2 * _SIGN
        if self._measured is not None:
            self._measured(int(value) * _CENTIDEGREES)
