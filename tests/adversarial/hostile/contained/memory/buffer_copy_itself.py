# contained: -
"""Copies a buffer onto itself, overlapping, as far as it goes."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        for to in range(65):
            for start in (0, 1, 63, 64):
                if self._buffer.copy(to, self._buffer, start, 1 << 31) > 64:
                    return SUCCESS
        return ErrorCode.FAIL
