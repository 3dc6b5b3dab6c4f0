# contained: TimeOut
"""Loops for ever in a function, while another call waits for its argument."""

from cells import TakeCell
from kernel import SUCCESS


def endless(cell):
    while True:
        cell.is_some()


class Attack:
    def __init__(self, powers):
        self._cell = TakeCell(1)

    def attack(self, number, attempt, second, process):
        if self._cell.is_none():
            return SUCCESS
        self._cell.put(endless(self._cell))
        return SUCCESS
