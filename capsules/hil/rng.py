"""What a source of random bytes is to a capsule.

A buffer that is passed in is moved: it comes back in the client's callback.
"""

from typing import Protocol

from cells import Buffer


class RngClient(Protocol):
    """A client that asks for random bytes."""

    def filled(self, buffer: Buffer, length: int, status: int) -> None:
        """The first `length` bytes are random. `status`: 0 or an ErrorCode."""


class Rng(Protocol):
    """A source of random bytes that one client uses."""

    def set_client(self, client: RngClient) -> None:
        """Whom to call back."""

    def fill(self, buffer: Buffer, length: int) -> None:
        """Fill the first `length` bytes, at least 1; the callback comes later. Only one at a time."""
