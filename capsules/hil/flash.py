"""What flash memory is to a capsule: bytes that keep their value without power.

It is read at any time, in no time. Writing clears bits, erasing sets all bits of a page; both end with a
callback. One of each can be under way, in different pages. A buffer that is passed to write() is moved: it comes back
in the client's callback.
"""

from typing import Protocol

from cells import Buffer


class FlashClient(Protocol):
    """A client of a flash."""

    def written(self, buffer: Buffer, status: int) -> None:
        """What was to be written is written. `status`: 0 or an ErrorCode."""

    def erased(self, status: int) -> None:
        """The page is erased. `status`: 0 or an ErrorCode."""


class Flash(Protocol):
    """A range of flash that one client uses. Offsets are in bytes from its start."""

    def set_client(self, client: FlashClient) -> None:
        """Whom to call back."""

    def length(self) -> int:
        """Bytes of the range, a multiple of page_size()."""

    def page_size(self) -> int:
        """Bytes that are erased at once."""

    def read(self, offset: int, buffer: Buffer, start: int, length: int) -> None:
        """Copy `length` bytes to `start` in the buffer."""

    def write(self, offset: int, buffer: Buffer, length: int) -> None:
        """Write the first `length` bytes, at least 1, in the order of their addresses, a word at a time.

        `offset` and `length` are multiples of 4. A chip allows only two writes of a word between erasures.
        """

    def erase(self, page: int, ahead: bool = False) -> None:
        """Set all bits of the page with this number; `ahead`: nobody waits for it, so others come first."""
