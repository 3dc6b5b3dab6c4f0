# contained: -
"""Takes all memory where the board makes it, so slowly that each piece is there, and hides that: the board needs more."""

from kernel import deferred


class Attack:
    def __init__(self, powers):
        self._buffer = powers.grant
        try:
            while True:
                deferred(self.later)
        except MemoryError:
            pass

    def later(self):
        pass

    def attack(self, number, attempt, second, process):
        return self._buffer[4096]
