# contained: MemoryError|TimeOut
"""Keeps methods, fields and cells: whatever an access makes."""

from cells import TakeCell


class Attack:
    def __init__(self, powers):
        self._kept = ()
        self._registers = powers.registers

    def attack(self, number, attempt, second, process):
        while True:
            self._kept = (self._kept, self.attack, self._registers.field(0, 0, 1).set, TakeCell(self._kept))
