# contained: TimeOut
"""Loops for ever inside of a cell's map: the value must come back."""

from cells import TakeCell
from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._cell = TakeCell(1)

    def attack(self, number, attempt, second, process):
        if self._cell.is_none():
            return SUCCESS
        self._cell.map(self.endless)
        return SUCCESS

    def endless(self, taken):
        while True:
            pass
