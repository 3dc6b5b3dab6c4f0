# contained: passed to too many
"""Passes a buffer to more borrowers than there may be, and to itself."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        for borrower in (1, 2, 3, 4, 5, None, self, self._buffer, "nine", (10,)):
            self._buffer.move(borrower).give_back()
        return SUCCESS
