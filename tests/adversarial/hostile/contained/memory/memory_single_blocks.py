# contained: MemoryError|TimeOut
"""Fills holes of three blocks with objects of two: what stays free lies in single blocks, and is enough for nothing."""


class Attack:
    def __init__(self, powers):
        self._kept = ()
        self._hole = ()

    def attack(self, number, attempt, second, process):
        a = attempt
        while True:
            self._kept = (self._kept, a, a)
            self._hole = (a, a, a, a, a, a, a)
