"""What a chip has for the system as a whole."""

from typing import Callable, Protocol


class ExactClock(Protocol):
    """A user's claim to the exact clock of high frequency, which runs while somebody claims it."""

    def set_client(self, running: Callable[[], None]) -> None:
        """Whom to call when it runs, after a request that could not say so."""

    def request(self) -> int:
        """Claim it. 1 if it runs already, 0 if running() will be called, soon and not from here."""

    def release(self) -> None:
        """Give up the claim; what runs on it goes on with an inexact one, unless others claim it."""


class Clocks(Protocol):
    """The clocks that other drivers count on, and why the chip was reset."""

    def new_high(self) -> ExactClock:
        """A claim to the exact clock of high frequency for one more user; only while the board is wired."""

    def is_high_running(self) -> int:
        """1 if the exact clock of high frequency runs, else 0."""

    def start_low(self, source: int) -> None:
        """Start the clock of low frequency. What sources there are, the driver says."""

    def is_low_running(self) -> int:
        """1 if it runs, else 0."""

    def reset_reasons(self) -> int:
        """Why the chip was reset, in bits as the chip has them; 0 after power-on."""

    def report_reset(self) -> None:
        """Say it on the console."""


class Identity(Protocol):
    """A number of 64 bits that no other chip has."""

    def low(self) -> int:
        """Its lower 32 bits."""

    def high(self) -> int:
        """The others."""


class Watchdog(Protocol):
    """Resets the chip if it is not fed."""

    def feed(self) -> None:
        """The system is well; count from the beginning."""
