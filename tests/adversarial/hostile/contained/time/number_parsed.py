# contained: OverflowError
"""Reads a number of hundreds of digits from text."""


class Attack:
    def __init__(self, powers):
        text = "7"
        for _ in range(8):
            text = text + text
        self._text = text

    def attack(self, number, attempt, second, process):
        return int(self._text)
