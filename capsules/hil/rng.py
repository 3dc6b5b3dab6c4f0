"""What a source of random numbers is to a capsule.

A buffer that is passed in is moved: it comes back in the client's callback.
"""

from typing import Protocol

from cells import Buffer


class RngClient(Protocol):
    """Who uses a source of random numbers."""

    def filled(self, buffer: Buffer, length: int, status: int) -> None:
        """The first `length` bytes are random. `status`: 0 or an ErrorCode."""


class Rng(Protocol):
    """A source of random numbers that one client uses."""

    def set_client(self, client: RngClient) -> None:
        """Whom to call back."""

    def fill(self, buffer: Buffer, length: int) -> None:
        """Make the first `length` bytes random, at least 1. Only one request at a time."""
