# contained: -
"""Lends a buffer and drops the handle: it must stay lent, and nothing may be freed."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim
        self._garbage = []

    def attack(self, number, attempt, second, process):
        for _ in range(200):
            self._garbage = [0, 1, 2, 3, 4, 5, 6, 7]
        if attempt == 0:
            self._other.move([0])
        try:
            self._other[0] = 1
            return SUCCESS
        except RuntimeError:
            return ErrorCode.BUSY
