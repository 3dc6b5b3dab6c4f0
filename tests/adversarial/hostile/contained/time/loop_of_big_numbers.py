# contained: TimeOut
"""Divides large numbers for ever."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        n = 1 << 200
        while True:
            n = (n + 1) * (1 << 50) // (n - 1) + (1 << 200)
