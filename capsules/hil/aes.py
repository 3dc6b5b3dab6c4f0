"""What encryption by AES with a key of 128 bits is to a capsule.

What is asked for returns 0, or an ErrorCode; then nothing was changed or moved and no callback comes. A buffer that
is passed to crypt() is moved: it comes back in the client's callback. Keys and initial values are copied.
"""

from typing import Protocol

from cells import Buffer
from micropython import const

BLOCK = const(16)
"""Bytes of a block, of a key, and of an initial value."""

MODE_ECB = const(0)
MODE_CTR = const(1)
MODE_CBC = const(2)


class AesClient(Protocol):
    """A client that has something encrypted."""

    def crypted(self, source: "Buffer | None", dest: Buffer, status: int) -> None:
        """It is done. `status`: 0 or an ErrorCode; then `dest` holds what nobody should use."""


class Aes(Protocol):
    """An engine that one client uses. BUSY, from all but crypted() on: it is at work."""

    def set_client(self, client: AesClient) -> None:
        """Whom to call back."""

    def set_mode(self, mode: int, encrypting: bool) -> int:
        """MODE_ECB, MODE_CTR or MODE_CBC. NOSUPPORT: the hardware cannot. INVAL: no such mode."""

    def set_key(self, key: Buffer) -> int:
        """The first 16 bytes are the key. SIZE: it has less."""

    def set_iv(self, iv: Buffer) -> int:
        """The first 16 bytes are the initial value, of CTR the first counter. SIZE: it has less."""

    def start_message(self) -> int:
        """The next crypt() begins with the initial value; without this it goes on where the last one ended."""

    def crypt(self, source: "Buffer | None", dest: Buffer, start: int, length: int) -> int:
        """Encrypt or decrypt `length` bytes of `source` to `start` in `dest`; without `source`, those of `dest` itself.

        Both are different buffers. INVAL: they are not, or `length` is not a multiple of 16, or 0. SIZE: a buffer has less. OFF: there is no key.
        """

    def forget(self) -> int:
        """Overwrite key, initial value and whatever came of them."""
