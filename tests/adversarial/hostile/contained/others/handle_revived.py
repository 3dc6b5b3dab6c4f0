# contained: -
"""Keeps a handle until the buffer is lent to somebody else."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim
        self._kept = None

    def attack(self, number, attempt, second, process):
        if self._kept is None:
            self._kept = self._victim.lend(self)
            self._victim.give_back(self._kept)
        lent = self._victim.lend(self._other)
        won = False
        try:
            self._kept[0] = 1
            won = True
        except RuntimeError:
            pass
        self._victim.give_back(lent)
        return SUCCESS if won else ErrorCode.FAIL
