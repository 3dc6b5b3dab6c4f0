"""Pulses for a board without: the host sees what each pin is to do (adder/run/simulated.py).

Two registers a pin: the frequency in Hz, 0 if it makes no pulses; the duty in hundredths of a percent.
"""

from kernel import ErrorCode, Registers
from micropython import const

from capsules.hil.pwm import FULL_DUTY

_FASTEST = const(1_000_000)  # Hz


class SimulatedPwm:
    """A HIL Pwm."""

    def __init__(self, registers: Registers, pins: int) -> None:
        self._frequencies = tuple([registers.field(pin << 3, 0, 24) for pin in range(pins)])
        self._duties = tuple([registers.field((pin << 3) + 4, 0, 24) for pin in range(pins)])

    def pins(self) -> int:
        return len(self._frequencies)

    def maximum_frequency(self) -> int:
        return _FASTEST

    def pulse(self, pin: int, frequency: int, duty: int) -> int:
        if not 0 <= pin < len(self._frequencies) or not 1 <= frequency <= _FASTEST or not 0 <= duty <= FULL_DUTY:
            return ErrorCode.INVAL
        self._frequencies[pin](frequency)
        self._duties[pin](duty)
        return 0

    def stop(self, pin: int) -> int:
        if not 0 <= pin < len(self._frequencies):
            return ErrorCode.INVAL
        self._frequencies[pin](0)
        return 0
