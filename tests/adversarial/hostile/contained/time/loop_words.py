# contained: TimeOut
# words: Attack.attack
"""Loops for ever, in a function of machine words."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number: int, attempt: int, second: int, process):
        n = 1
        while n:
            n += 2
        return ErrorCode.FAIL
