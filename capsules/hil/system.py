"""What a chip has for the system as a whole."""

from typing import Protocol


class Clocks(Protocol):
    """The clocks that other drivers count on, and why the chip was reset."""

    def start_high(self) -> None:
        """Start the exact clock of high frequency."""

    def stop_high(self) -> None:
        """Stop it; what runs on it goes on with an inexact one."""

    def is_high_running(self) -> int:
        """1 if it runs, else 0."""

    def start_low(self, source: int) -> None:
        """Start the clock of low frequency. What sources there are, the driver says."""

    def is_low_running(self) -> int:
        """1 if it runs, else 0."""

    def reset_reasons(self) -> int:
        """Why the chip was reset, in bits as the chip has them; 0 after power-on."""

    def report_reset(self) -> None:
        """Say it on the console."""


class Watchdog(Protocol):
    """Resets the chip if it is not fed."""

    def feed(self) -> None:
        """The system is well; count from the beginning."""
