# contained: IndexError
"""Reads and writes outside a buffer."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim
        self._kept = 0

    def attack(self, number, attempt, second, process):
        for at in (
            -1,
            -64,
            64,
            65,
            255,
            4096,
            1 << 16,
            (1 << 30) - 1,
            -(1 << 30),
            1 << 30,
            1 << 31,
            1 << 32,
            1 << 64,
            None,
            "0",
            (0,),
        ):
            try:
                self._kept = self._buffer[at]
                return SUCCESS
            except (IndexError, TypeError):
                pass
            try:
                self._buffer[at] = 1
                return SUCCESS
            except (IndexError, TypeError):
                pass
        for wrong in (None, "0", (0,), self):
            try:
                self._buffer[0] = wrong
                return SUCCESS
            except TypeError:
                pass
        self._buffer[0] = (1 << 100) + 7
        return SUCCESS if self._buffer[0] != 7 else self._buffer[64]
