# contained: MemoryError|TimeOut
"""Copies a list of copies of itself, for ever."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        made = [0]
        while True:
            made = made.copy() + [made.copy() for _ in range(20)]
