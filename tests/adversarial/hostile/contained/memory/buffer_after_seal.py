# contained: the kernel is sealed
"""Makes buffers when the kernel is sealed: their bytes would never be freed."""

from cells import Buffer
from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        for size in (-1, 0, 4097, 1 << 30, 1 << 31, 1 << 32, 1 << 64, None, "8", b"bytes", [1]):
            try:
                Buffer(size)
                return SUCCESS
            except Exception:
                pass
        Buffer(16)
        return SUCCESS
