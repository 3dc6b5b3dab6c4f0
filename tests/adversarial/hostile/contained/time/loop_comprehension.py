# contained: TimeOut
"""Loops for ever in a list comprehension that finds nothing."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        return len([i for i in range(1 << 30) if i < 0])
