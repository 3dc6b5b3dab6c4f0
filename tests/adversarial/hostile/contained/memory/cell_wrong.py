# contained: TypeError
"""Maps cells with what cannot be called, or takes no value."""

from cells import TakeCell
from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._cell = TakeCell(1)

    def attack(self, number, attempt, second, process):
        for wrong in (None, 1, "f", (self.two,), self, self._cell, self.two, self._cell.take):
            for step in range(4):
                try:
                    self.use(step, wrong)
                    return SUCCESS
                except TypeError:
                    self._cell.put(1)
        TakeCell(1, 2)
        return SUCCESS

    def use(self, step, wrong):
        if step == 0:
            self._cell.map(wrong)
        elif step == 1:
            self._cell.map_or(1, wrong)
        elif step == 2:
            self._cell.map_or_else(wrong, wrong)
        else:
            self._cell.and_then(wrong)

    def two(self, first, second):
        pass
