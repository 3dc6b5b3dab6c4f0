# contained: MemoryError|TimeOut
"""Keeps each exception, with what it holds."""


class Attack:
    def __init__(self, powers):
        self._kept = ()

    def attack(self, number, attempt, second, process):
        while True:
            try:
                raise ValueError(self._kept)
            except ValueError as error:
                self._kept = (self._kept, error)
