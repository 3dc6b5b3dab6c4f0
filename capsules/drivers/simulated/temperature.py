"""A temperature for a board without a sensor: it rises and falls with time, between 18 and 26 degrees."""

from typing import Callable

from kernel import InterruptLine
from micropython import const

from capsules.hil.time import Alarm

_LOWEST = const(1800)
_SPAN = const(800)
_SHIFT = const(10)  # ticks for each hundredth of a degree: about 95 a second at 97,656 Hz


class SimulatedTemperature:
    """A HIL TemperatureSensor; the result comes from a software interrupt, as it would from a chip."""

    def __init__(self, clock: Alarm, line: InterruptLine) -> None:
        self._now = clock.now
        self._line = line
        self._measured: "Callable[[int], None] | None" = None
        line.enable(self._done)

    def set_client(self, measured: "Callable[[int], None]") -> None:
        self._measured = measured

    def measure(self) -> None:
        self._line.trigger()

    def _done(self) -> None:
        phase = int(self._now() >> _SHIFT) % (2 * _SPAN)
        if self._measured is not None:
            self._measured(_LOWEST + (phase if phase < _SPAN else 2 * _SPAN - phase))
