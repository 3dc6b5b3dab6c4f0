# contained: RuntimeError
"""Calls itself for ever."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        return self.attack(number, attempt, second, process)
