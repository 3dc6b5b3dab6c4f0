# contained: ValueError: too long to be searched
"""The same with bytes."""


class Attack:
    def __init__(self, powers):
        text = b"a"
        self._text = text
        self._part = text
        try:
            while True:
                self._text = text + text
                self._part = text + b"b"
                text = self._text
        except MemoryError:
            pass

    def attack(self, number, attempt, second, process):
        return self._text.find(self._part)
