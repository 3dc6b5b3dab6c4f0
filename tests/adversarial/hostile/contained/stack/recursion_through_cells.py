# contained: RuntimeError
"""Each value of a cell opens the next cell, for ever."""

from cells import TakeCell


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        return self.open(1)

    def open(self, taken):
        return TakeCell(1).map(self.open)
