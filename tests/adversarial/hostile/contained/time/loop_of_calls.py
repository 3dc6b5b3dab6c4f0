# contained: TimeOut
"""Loops for ever over calls of its own method."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        while True:
            self.nothing()

    def nothing(self):
        pass
