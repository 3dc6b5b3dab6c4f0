"""What a UART is to a capsule.

A buffer that is passed in is moved: it comes back in the client's callback.
"""

from typing import Protocol

from cells import Buffer


class UartClient(Protocol):
    """A client of a UART."""

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        """`length` bytes have gone out. `status`: 0; ALREADY if that was said before, and may have been cut short."""

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        """`length` bytes have come in. `status`: 0, or CANCEL after receive_abort(); ALREADY as above."""


class Uart(Protocol):
    """A UART that one client uses."""

    def set_client(self, client: UartClient) -> None:
        """Whom to call back."""

    def transmit(self, buffer: Buffer, length: int) -> "int | None":
        """Send the first `length` bytes, at least 1. BUSY, and nothing else, while another transmission is under way."""

    def receive(self, buffer: Buffer, length: int, least: int = 0) -> None:
        """Receive up to `length` bytes, at least 1. It is over as soon as `least` are there; 0: when all are.

        What has come in meanwhile is handed over at once, so who asks for a block with `least` 1 gets larger ones the
        longer each takes to deal with. Only one reception at a time: if this one is under way already, it goes on, with
        that length.
        """

    def receive_abort(self) -> None:
        """End the reception, if there is one, with what has come in so far: received() is called from here, or soon."""
