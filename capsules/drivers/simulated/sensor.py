"""Sensors for a board without: each measures what the host has set, or a value that rises and falls by itself.

A register is the host's (adder/run/simulated.py): 50,000 more than what is measured; 0: nothing is set.
"""

from typing import Callable

from kernel import InterruptLine, Registers, deferred
from micropython import const

from capsules.hil.time import Alarm

TEMPERATURE = const(0x00)
HUMIDITY = const(0x04)
AMBIENT_LIGHT = const(0x08)
PRESSURE = const(0x0C)
PROXIMITY = const(0x10)
SOUND_PRESSURE = const(0x14)
DISTANCE = const(0x18)
MOISTURE = const(0x1C)
RAINFALL = const(0x20)
CO2 = const(0x24)
TVOC = const(0x28)
ACCELERATION = const(0x2C)  # x, y, z
ROTATION = const(0x38)
FIELD = const(0x44)

_BITS = const(20)
_ZERO = const(50000)  # what 0 is in the register
_SHIFT = const(10)  # ticks for each step: about 95 a second at 97,656 Hz

_NEAREST = const(20)
_FARTHEST = const(4000)

# capsules/sensors/ninedof.py
_MAGNETIC_FIELD = const(2)
_ROTATION = const(3)


class SimulatedSensor:
    """A HIL Sensor; the result comes later, as it would from a chip. By itself it goes from `lowest` up by `span`, and back."""

    def __init__(
        self,
        registers: Registers,
        register: int,
        clock: Alarm,
        lowest: int,
        span: int,
        line: "InterruptLine | None" = None,
    ) -> None:
        self._set = registers.field(register, 0, _BITS)
        self._now = clock.now
        self._lowest = lowest
        self._span = span
        self._measured: "Callable[[int, int], None] | None" = None
        if line is None:
            self._later = deferred(self._done)
        else:  # faster
            line.enable(self._done)
            self._later = line.trigger

    def set_client(self, measured: "Callable[[int, int], None]") -> None:
        self._measured = measured

    def measure(self) -> int:
        self._later()
        return 0

    def _done(self) -> None:
        value = self._set() - _ZERO
        if value == -_ZERO:
            phase = int(self._now() >> _SHIFT) % (2 * int(self._span))
            value = self._lowest + (phase if phase < self._span else 2 * int(self._span) - phase)
        if self._measured is not None:
            self._measured(value, 0)


class SimulatedDistance:
    """A HIL DistanceSensor: a SimulatedSensor that can measure so and so far."""

    def __init__(self, sensor: SimulatedSensor) -> None:
        self.set_client = sensor.set_client
        self.measure = sensor.measure

    def nearest(self) -> int:
        return _NEAREST

    def farthest(self) -> int:
        return _FARTHEST


class SimulatedRainfall:
    """A HIL RainfallSensor: the same for each hour."""

    def __init__(self, sensor: SimulatedSensor) -> None:
        self._measure = sensor.measure
        self._measured: "Callable[[int, int], None] | None" = None
        self._hours = 1
        sensor.set_client(self._done)

    def set_client(self, measured: "Callable[[int, int], None]") -> None:
        self._measured = measured

    def measure(self, hours: int) -> int:
        self._hours = hours
        return self._measure()

    def _done(self, value: int, status: int) -> None:
        if self._measured is not None:
            self._measured(int(value) * int(self._hours), status)


class SimulatedNineAxis:
    """A HIL NineAxis: at rest, with its z axis up and its x axis north, unless the host says otherwise."""

    def __init__(self, registers: Registers) -> None:
        self._axes = tuple([registers.field(ACCELERATION + (axis << 2), 0, _BITS) for axis in range(9)])
        self._measured: "Callable[[int, int, int], None] | None" = None
        self._which = 0
        self._later = deferred(self._done)

    def set_client(self, measured: "Callable[[int, int, int], None]", failed: "Callable[[int], None]") -> None:
        self._measured = measured

    def measure(self, which: int) -> int:
        self._which = which
        self._later()
        return 0

    def _done(self) -> None:
        if self._measured is None:
            return
        which = self._which
        if which == _ROTATION:
            self._measured(self._axis(3, 0), self._axis(4, 0), self._axis(5, 0))
        elif which == _MAGNETIC_FIELD:
            self._measured(self._axis(6, 48), self._axis(7, 0), self._axis(8, 0))
        else:
            self._measured(self._axis(0, 0), self._axis(1, 0), self._axis(2, 1000))

    def _axis(self, axis: int, by_itself: int) -> int:
        value = self._axes[axis]() - _ZERO
        return by_itself if value == -_ZERO else value
