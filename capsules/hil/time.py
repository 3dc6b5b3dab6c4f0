"""What a clock and an alarm are to a capsule.

Time is a counter of `WIDTH` bits that counts up and wraps. Its width is at most 24 bits, so that sums
and differences stay integers that need no memory; what user programs see is the same counter shifted
left to 32 bits (TRD105, "left-justified ticks").
"""

from typing import Callable, Protocol

from micropython import const

WIDTH = const(24)
"""Bits of the counter."""

MASK = const(0xFFFFFF)
"""The largest value of the counter."""


class Alarm(Protocol):
    """A counter, and one moment at which to be called."""

    frequency: int
    """Hz of the counter shifted left to 32 bits: 256 for each Hz of a 24-bit one."""

    def now(self) -> int:
        """The counter."""

    def set_client(self, fired: Callable[[], None]) -> None:
        """Call `fired()` when the alarm goes off."""

    def set_alarm(self, dt: int) -> None:
        """Go off `dt` ticks from now, or as soon after as the hardware can; replaces an earlier one.

        `dt` is at least 1 and at most half the counter.
        """

    def disarm(self) -> None:
        """Do not go off."""


class Alarms(Protocol):
    """A counter, and for each process slot a moment of which one client is told."""

    frequency: int
    """As an Alarm's."""

    def now(self) -> int:
        """The counter."""

    def set_client(self, fired: Callable[[int, int, int], None]) -> None:
        """Call `fired(slot, now, due)` when a slot's alarm goes off: the counter, and what it was to be then.

        From there it may set the other slots' alarms, and its own only afterwards.
        """

    def set_alarm(self, slot: int, reference: int, dt: int) -> None:
        """Go off when the counter, which was `reference` less than a round ago, has gone on by `dt`.

        Or as soon after as the hardware can; replaces an earlier one. `dt` is at most one more than a round.
        """

    def disarm(self, slot: int) -> bool:
        """Do not go off. False if it was not to."""
