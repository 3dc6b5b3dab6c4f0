# contained: -
"""Raises within a cell's map: the value must be back."""

from cells import TakeCell
from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._cell = TakeCell(1)

    def attack(self, number, attempt, second, process):
        try:
            self._cell.map(self.fail)
        except ValueError:
            pass
        try:
            self._cell.map_or(0, self.fail)
        except ValueError:
            pass
        try:
            self._cell.map_or_else(self.fail, self.fail)
        except ValueError:
            pass
        if self._cell.is_none():
            return SUCCESS
        try:
            self._cell.and_then(self.fail)
        except ValueError:
            pass
        if self._cell.is_some():
            return SUCCESS
        self._cell.put(1)
        return ErrorCode.FAIL

    def fail(self, taken):
        raise ValueError("inside")
