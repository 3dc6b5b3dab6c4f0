"""CRCs that take the lowest bit first, bit by bit."""

from cells import Buffer
from kernel import UserBuffer
from micropython import const

CRC_32 = const(0)
"""That of Ethernet and zip: polynomial 0x04C11DB7, inverted at the end."""

CRC_32C = const(1)
"""Castagnoli's: 0x1EDC6F41, inverted at the end."""

CRC_16 = const(2)
"""CCITT's, 0x1021, as Tock has it: the bits of the result are in the order of the polynomial's."""

# The polynomials with their bits turned round, in two halves.
_HIGH = (0xEDB8, 0x82F6, 0)
_LOW = (0x8320, 0x3B78, 0x8408)


class Crc:
    """The CRC of what is fed, in two halves of 16 bits: integers of more than 30 bits would need memory."""

    def __init__(self) -> None:
        self._kind = CRC_32
        self._polynomial_low = 0
        self._polynomial_high = 0
        self._bytes: "Buffer | UserBuffer | None" = None
        self.low = 0
        self.high = 0

    def begin(self, kind: int) -> None:
        self._kind = kind
        self._polynomial_low = _LOW[kind]
        self._polynomial_high = _HIGH[kind]
        self.low = 0xFFFF
        self.high = 0 if kind == CRC_16 else 0xFFFF

    def feed(self, data: "Buffer | UserBuffer", start: int, end: int) -> None:
        self._bytes = data
        self._sum_up(start, end)
        self._bytes = None

    def _sum_up(self, start: int, end: int) -> None:
        data = self._bytes
        if not data:
            return
        crc = int(self.high) << 16 | int(self.low)
        polynomial = int(self._polynomial_high) << 16 | int(self._polynomial_low)
        unsigned = 0x7FFF  # a constant of 31 bits would be an object
        unsigned = unsigned << 16 | 0xFFFF
        at = start
        while at < end:
            crc ^= int(data[at])
            bit = 0
            while bit < 8:
                crc = (crc >> 1 & unsigned) ^ (polynomial & 0 - (crc & 1))
                bit += 1
            at += 1
        self.low = crc & 0xFFFF
        self.high = crc >> 16 & 0xFFFF

    def end(self) -> None:
        """Whatever comes after the last byte."""
        if self._kind == CRC_16:
            turned = 0
            for bit in range(16):
                turned |= (self.low >> bit & 1) << (15 - bit)
            self.low = turned
        else:
            self.low ^= 0xFFFF
            self.high ^= 0xFFFF
