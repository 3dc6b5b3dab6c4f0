# contained: TimeOut
"""Loops for ever in a callback that the victim calls."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        self._victim.register(self.endless)
        return ErrorCode.BUSY

    def endless(self):
        while True:
            pass
