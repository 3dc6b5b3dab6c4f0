"""What pulses are to a capsule: each of some pins can be high for a part of each period."""

from typing import Protocol

from micropython import const

FULL_DUTY = const(10000)
"""The duty of a pin that is always high: duties are hundredths of a percent."""


class Pwm(Protocol):
    """Pins that make pulses. They count from 0, and are low at first."""

    def pins(self) -> int:
        """How many pins there are."""

    def maximum_frequency(self) -> int:
        """The fastest, in Hz."""

    def pulse(self, pin: int, frequency: int, duty: int) -> int:
        """Make pulses, `frequency` a second, high for `duty` of FULL_DUTY; a pin that makes some changes to these.

        Returns 0 or an ErrorCode. INVAL: no such pin, frequency or duty. RESERVE: other pins make pulses of another
        frequency, and the hardware has one for all.
        """

    def stop(self, pin: int) -> int:
        """Low, once the period is over. Returns 0, or INVAL: no such pin."""
