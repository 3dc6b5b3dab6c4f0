# contained: ValueError: too long to be searched
"""The same, to replace it."""


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
        return self._text.replace(self._part, "")
