# contained: RuntimeError
"""Cells whose functions are cells' own: all of the recursion is C."""

from cells import TakeCell


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        cells = [TakeCell(None) for _ in range(120)]
        for k in range(118):
            cells[k].put(cells[k + 2].map)
        return cells[0].map(cells[1].map)
