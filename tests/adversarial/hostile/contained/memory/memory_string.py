# contained: MemoryError
"""Doubles a string for ever."""


class Attack:
    def __init__(self, powers):
        self._text = "ab"

    def attack(self, number, attempt, second, process):
        while True:
            self._text += self._text
