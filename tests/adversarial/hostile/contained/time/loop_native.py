# contained: TimeOut
"""Loops for ever, in machine code."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        while True:
            pass
