# contained: RuntimeError
"""Cells that call each other, a third of them for a default."""

from cells import TakeCell


class Attack:
    def __init__(self, powers):
        self._cells = [TakeCell(1) for _ in range(100)]
        self._depth = 0

    def attack(self, number, attempt, second, process):
        self._depth = 0
        return self.deeper(1)

    def deeper(self, taken):
        self._depth += 1
        if self._depth < 100:
            return self._cells[self._depth].map_or(self, self.deeper)
        return TakeCell().map_or_else(self.deepest, self.deeper)

    def deepest(self):
        return self.deepest()
