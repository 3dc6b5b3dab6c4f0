"""SHA-256 (FIPS 180-4) of what comes piece by piece. MicroPython's hashlib works the blocks in (`kernel.sha256`)."""

from cells import Buffer
from kernel import sha256
from micropython import const

BLOCK = const(64)
"""Bytes of a block."""

DIGEST = const(32)
"""Bytes of a digest, and of the state between two blocks."""

DIGEST_AT = const(64)
"""Where they lie in the buffer, behind the block."""

SIZE = const(96)
"""Bytes of the buffer, at least."""

# 5.3.3, each word with its lowest byte first.
INITIAL = (
    b"\x67\xe6\x09\x6a\x85\xae\x67\xbb\x72\xf3\x6e\x3c\x3a\xf5\x4f\xa5"
    b"\x7f\x52\x0e\x51\x8c\x68\x05\x9b\xab\xd9\x83\x1f\x19\xcd\xe0\x5b"
)
"""The state before the first block."""

# 5.1.1
_PADDING = (  # one byte more than a block
    b"\x80"
    b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
)
_LENGTH_AT = const(56)


class Sha256:
    """Who feeds it puts bytes into `buffer`, from `at` on and up to BLOCK, and says so. The digest lies there from DIGEST_AT on."""

    def __init__(self, buffer: Buffer) -> None:
        self.buffer = buffer
        self.at = 0
        self._length = 0

    def begin(self) -> None:
        self.buffer.copy(DIGEST_AT, INITIAL, 0, DIGEST)
        self.at = 0
        self._length = 0

    def took(self, count: int) -> None:
        """So many bytes have been put into the block."""
        self._length += count
        self.at += count
        if self.at == BLOCK:
            self.at = 0
            sha256(self.buffer, DIGEST_AT, 0)

    def feed(self, data: Buffer) -> None:
        """A whole block: the first bytes of another buffer."""
        self.buffer.copy(0, data, 0, BLOCK)
        self.took(BLOCK)

    def byte(self, index: int) -> int:
        """One of the digest, where the blocks that were fed had the padding in them."""
        return self.buffer[DIGEST_AT + (index ^ 3)]

    def go_on_from(self, state: int) -> None:
        """What lies there in the buffer is the state after one block; the next one is empty."""
        self.buffer.copy(DIGEST_AT, self.buffer, state, DIGEST)
        self.at = 0
        self._length = BLOCK

    def pad_with_zeros(self, start: int) -> None:
        """The block, from there on."""
        self.buffer.copy(start, _PADDING, 1, BLOCK - start)

    def finish(self) -> None:
        """Nothing of what was fed is left in the block, and the digest is whole."""
        block = self.buffer
        block.copy(self.at, _PADDING, 0, BLOCK - self.at)
        if self.at >= _LENGTH_AT:
            sha256(block, DIGEST_AT, 0)
            self.pad_with_zeros(0)
        bits = self._length << 3
        at = BLOCK
        while bits:
            at -= 1
            block[at] = bits
            bits >>= 8
        sha256(block, DIGEST_AT, 0)
        self.pad_with_zeros(0)
        # The highest byte of each word comes first.
        for at in range(DIGEST_AT, DIGEST_AT + DIGEST, 4):
            byte = block[at]
            block[at] = block[at + 3]
            block[at + 3] = byte
            byte = block[at + 1]
            block[at + 1] = block[at + 2]
            block[at + 2] = byte
