# contained: ValueError: too long to be searched
"""Searches for the longest text in the longest one, made while the board was wired."""


class Attack:
    def __init__(self, powers):
        text = "a"
        self._text = text
        self._part = text
        try:
            while True:
                self._text = text + text
                self._part = text + "b"
                text = self._text
        except MemoryError:
            pass

    def attack(self, number, attempt, second, process):
        return self._text.find(self._part)
