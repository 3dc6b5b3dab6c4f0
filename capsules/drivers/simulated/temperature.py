"""A temperature for a board without a sensor: what the host has set, or one that rises and falls between 18 and 26 degrees.

Register 0 is the host's (adder/run/simulated.py): hundredths of a degree above -500 degrees; 0: nothing is set.
"""

from typing import Callable

from kernel import InterruptLine, Registers
from micropython import const

from capsules.hil.time import Alarm

_LOWEST = const(1800)
_SPAN = const(800)
_SET = const(0x00)
_SET_BITS = const(20)
_ZERO = const(50000)  # what 0 degrees is in the register
_SHIFT = const(10)  # ticks for each hundredth of a degree: about 95 a second at 97,656 Hz


class SimulatedTemperature:
    """A HIL TemperatureSensor; the result comes from a software interrupt, as it would from a chip."""

    def __init__(self, clock: Alarm, line: InterruptLine, registers: Registers) -> None:
        self._set = registers.field(_SET, 0, _SET_BITS)
        self._now = clock.now
        self._line = line
        self._measured: "Callable[[int, int], None] | None" = None
        line.enable(self._done)

    def set_client(self, measured: "Callable[[int, int], None]") -> None:
        self._measured = measured

    def measure(self) -> int:
        self._line.trigger()
        return 0

    def _done(self) -> None:
        value = self._set() - _ZERO
        if value == -_ZERO:
            phase = int(self._now() >> _SHIFT) % (2 * _SPAN)
            value = _LOWEST + (phase if phase < _SPAN else 2 * _SPAN - phase)
        if self._measured is not None:
            self._measured(value, 0)
