"""SHA-256 (FIPS 180-4), a block at a time."""

from cells import Buffer
from micropython import const

BLOCK = const(64)
DIGEST = const(32)

# 4.2.2: of the cube roots of the first 64 primes
_K = (
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
)  # fmt: skip

# 5.3.3: of the square roots of the first eight, in halves, the lower first
_BEGIN = (
    0xE667, 0x6A09, 0xAE85, 0xBB67, 0xF372, 0x3C6E, 0xF53A, 0xA54F, 0x527F, 0x510E, 0x688C, 0x9B05, 0xD9AB, 0x1F83, 0xCD19, 0x5BE0,
)  # fmt: skip


class Sha256:
    """The hash of some blocks."""

    def __init__(self) -> None:
        self._k = _K
        self._halves = [0 for _ in range(16)]
        self._data: "Buffer | None" = None

    def begin(self) -> None:
        for index in range(16):
            self._halves[index] = _BEGIN[index]

    def feed(self, data: Buffer) -> None:
        """The next block: the first bytes of the buffer."""
        self._data = data
        self._compress()
        self._data = None

    def byte(self, index: int) -> int:
        """One of the digest."""
        half = self._halves[index // 2 ^ 1]
        return half & 0xFF if index & 1 else half >> 8

    def _add(self, index: int, low: int, high: int) -> None:
        halves = self._halves
        low += halves[index]
        halves[index] = low & 0xFFFF
        halves[index + 1] = halves[index + 1] + high + (low >> 16) & 0xFFFF

    # 6.2.2. What is shifted to the left is not cut to 32 bits, which are all that a machine word has, and all that is looked at.

    def _compress(self) -> None:
        data = self._data
        k = self._k
        halves = self._halves
        if not data:
            return
        w0 = 0
        w1 = 0
        w2 = 0
        w3 = 0
        w4 = 0
        w5 = 0
        w6 = 0
        w7 = 0
        w8 = 0
        w9 = 0
        w10 = 0
        w11 = 0
        w12 = 0
        w13 = 0
        w14 = 0
        w15 = 0
        a = int(halves[0]) | int(halves[1]) << 16
        b = int(halves[2]) | int(halves[3]) << 16
        c = int(halves[4]) | int(halves[5]) << 16
        d = int(halves[6]) | int(halves[7]) << 16
        e = int(halves[8]) | int(halves[9]) << 16
        f = int(halves[10]) | int(halves[11]) << 16
        g = int(halves[12]) | int(halves[13]) << 16
        h = int(halves[14]) | int(halves[15]) << 16
        at = 0
        while at < 80:
            if at < 16:
                new = int(data[4 * at]) << 24 | int(data[4 * at + 1]) << 16 | int(data[4 * at + 2]) << 8 | int(data[4 * at + 3])
            else:
                first = h + ((e >> 6 & 0x3FFFFFF | e << 26) ^ (e >> 11 & 0x1FFFFF | e << 21) ^ (e >> 25 & 0x7F | e << 7))
                first += (g ^ e & (f ^ g)) + int(k[at - 16]) + w0
                second = (a >> 2 & 0x3FFFFFFF | a << 30) ^ (a >> 13 & 0x7FFFF | a << 19) ^ (a >> 22 & 0x3FF | a << 10)
                second += a & b | c & (a | b)
                h = g
                g = f
                f = e
                e = d + first
                d = c
                c = b
                b = a
                a = first + second
                new = w0 + w9 + ((w1 >> 7 & 0x1FFFFFF | w1 << 25) ^ (w1 >> 18 & 0x3FFF | w1 << 14) ^ w1 >> 3 & 0x1FFFFFFF)
                new += (w14 >> 17 & 0x7FFF | w14 << 15) ^ (w14 >> 19 & 0x1FFF | w14 << 13) ^ w14 >> 10 & 0x3FFFFF
            w0 = w1
            w1 = w2
            w2 = w3
            w3 = w4
            w4 = w5
            w5 = w6
            w6 = w7
            w7 = w8
            w8 = w9
            w9 = w10
            w10 = w11
            w11 = w12
            w12 = w13
            w13 = w14
            w14 = w15
            w15 = new
            at += 1
        self._add(0, a & 0xFFFF, a >> 16 & 0xFFFF)
        self._add(2, b & 0xFFFF, b >> 16 & 0xFFFF)
        self._add(4, c & 0xFFFF, c >> 16 & 0xFFFF)
        self._add(6, d & 0xFFFF, d >> 16 & 0xFFFF)
        self._add(8, e & 0xFFFF, e >> 16 & 0xFFFF)
        self._add(10, f & 0xFFFF, f >> 16 & 0xFFFF)
        self._add(12, g & 0xFFFF, g >> 16 & 0xFFFF)
        self._add(14, h & 0xFFFF, h >> 16 & 0xFFFF)
