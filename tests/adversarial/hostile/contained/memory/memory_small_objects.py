# contained: MemoryError|TimeOut
"""Keeps small objects until there are no more, and goes on for ever."""


class Attack:
    def __init__(self, powers):
        self._kept = ()

    def attack(self, number, attempt, second, process):
        while True:
            self._kept = (self._kept, attempt)
