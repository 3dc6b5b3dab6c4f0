# contained: TypeError
"""Registers at the victim what cannot be called."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        wrong = (1, "text", (self.attack,), self, self.attack)
        self._victim.register(wrong[attempt])
        return ErrorCode.BUSY
