# contained: OverflowError
"""Squares a number for ever."""


class Attack:
    def __init__(self, powers):
        self._n = 1 << 60

    def attack(self, number, attempt, second, process):
        while True:
            self._n = int(self._n + 1) * int(self._n - 1)
