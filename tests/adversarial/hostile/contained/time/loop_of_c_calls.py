# contained: TimeOut
"""Loops for ever over calls that are answered in C."""


class Attack:
    def __init__(self, powers):
        self._read = powers.registers.read

    def attack(self, number, attempt, second, process):
        while True:
            self._read(0)
