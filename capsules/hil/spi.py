"""What the master of an SPI bus is to a capsule.

What is asked for returns 0, or an ErrorCode; then nothing was changed or moved and no callback comes. A buffer that
is passed in is moved: it comes back in the client's callback.
"""

from typing import Protocol

from cells import Buffer


class ChipSelect(Protocol):
    """A line that selects a device while it is low; each Pin is one."""

    def set(self) -> None:
        """High: nobody is selected."""

    def clear(self) -> None:
        """Low."""

    def make_output(self) -> None:
        """Drive it, as it was set last."""


class SpiClient(Protocol):
    """A client of the bus."""

    def transferred(self, write: "Buffer | None", read: "Buffer | None", status: int) -> None:
        """A transfer is over; these are the buffers of it. `status`: 0 or an ErrorCode."""


class Spi(Protocol):
    """A bus that one client uses. At first the rate is at most 1 MHz, the clock idles low, and the first edge samples."""

    def set_client(self, client: SpiClient) -> None:
        """Whom to call back."""

    def transfer(self, write: "Buffer | None", read: "Buffer | None", length: int) -> int:
        """Send and receive `length` bytes at once, to or from the beginning of each buffer.

        Without `write`, 0xFF goes out; without `read`, what comes in is lost. INVAL: neither, or twice the same. SIZE: `length` is 0 or
        more than a buffer has. BUSY: a transfer is under way.
        """

    def select(self, chip: ChipSelect) -> int:
        """Which pin is low during the next transfers. BUSY: a transfer is under way, or one holds its chip."""

    def hold(self, on: bool) -> int:
        """Whether the pin stays low between transfers. Off raises it. BUSY: a transfer is under way. NOSUPPORT: on a bus that is
        shared, and this user has no right to keep it.
        """

    def set_rate(self, rate: int) -> int:
        """The highest rate of the hardware that is not above `rate`, in Hz. INVAL: there is none. BUSY."""

    def rate_for(self, rate: int) -> int:
        """What set_rate() would choose; 0 if there is none. Allowed at any time."""

    def rate(self) -> int:
        """What it is, in Hz."""

    def set_polarity(self, idle_high: bool) -> int:
        """Where the clock rests. BUSY: a transfer is under way, or a chip is held."""

    def polarity(self) -> int:
        """1 if the clock rests high, else 0."""

    def set_phase(self, trailing: bool) -> int:
        """Whether the second edge of each clock samples. BUSY: as above."""

    def phase(self) -> int:
        """1 if the second edge samples, else 0."""
