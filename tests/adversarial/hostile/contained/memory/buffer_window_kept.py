# contained: -
"""Narrows its window of the victim's buffer and gives it back: the victim must get the whole."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        lent = self._victim.lend(self)
        lent.window(0, 32)
        lent.window(31, 32)
        lent.window(0, 0)
        self._victim.give_back(lent)
        return ErrorCode.FAIL
