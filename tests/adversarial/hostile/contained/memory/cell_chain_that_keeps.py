# contained: RuntimeError
"""The same with cells that stay empty."""

from cells import TakeCell


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        cells = [TakeCell(None) for _ in range(120)]
        for k in range(118):
            cells[k].put(cells[k + 2].and_then)
        return cells[0].and_then(cells[1].and_then)
