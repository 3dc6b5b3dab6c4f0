# contained: -
"""Takes, puts, and maps a cell within its own map."""

from cells import TakeCell
from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._cell = TakeCell(1)
        self._won = False

    def attack(self, number, attempt, second, process):
        self._cell.replace(1)
        self._cell.map(self.inside)
        return SUCCESS if self._won or self._cell.take() != 3 else ErrorCode.FAIL

    def inside(self, taken):
        if self._cell.is_some() or self._cell.take() is not None or self._cell.map(self.inside) is not None:
            self._won = True
        self._cell.put(2)
        self._cell.map(self.deeper)

    def deeper(self, taken):
        if taken != 2 or self._cell.is_some():
            self._won = True
        self._cell.put(3)
