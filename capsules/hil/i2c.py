"""What the master of an I2C bus is to a capsule.

What is asked for returns 0, or an ErrorCode; then nothing was moved and no callback comes. A buffer that is passed in
is moved: it comes back in the client's callback. That comes in any case, even if the bus hangs.

Addresses have 7 bits, without the bit that says whether it is read or written.
"""

from typing import Protocol

from cells import Buffer


class I2cClient(Protocol):
    """A client of the bus."""

    def transferred(self, write: "Buffer | None", read: "Buffer | None", status: int) -> None:
        """A transfer is over; these are the buffers of it. `status`: 0 or an ErrorCode.

        NOACK: nobody has this address, or the device refused a byte. SIZE: bytes came faster than they were taken.
        FAIL: the bus hung, or was disturbed.
        """


class I2c(Protocol):
    """A bus that one client uses.

    INVAL: the address has more than 7 bits, or both buffers are the same. SIZE: a length is 0 or more than the buffer has. BUSY: a transfer is under
    way. FAIL: somebody holds a line of the bus low. RESERVE: the device at this address is another client's alone.
    """

    def set_client(self, client: I2cClient) -> None:
        """Whom to call back."""

    def write(self, address: int, buffer: Buffer, length: int) -> int:
        """Send the first `length` bytes."""

    def read(self, address: int, buffer: Buffer, length: int) -> int:
        """Fill the first `length` bytes."""

    def write_read(self, address: int, write: Buffer, write_length: int, read: Buffer, read_length: int) -> int:
        """Send, then read, without leaving the bus in between."""

    def read_register(self, address: int, register: int, read: Buffer, length: int) -> int:
        """The same, to send one byte for which the client needs no buffer: most devices take it as a register's number."""
