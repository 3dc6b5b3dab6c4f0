# contained: (?s)(ValueError: too long to be searched.*){5}
"""Searches for the longest text in the longest one, made while the board was wired: to find it, to replace it, by `in`,
and bytes.
"""


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
        some = b"a"
        self._bytes = some
        self._some = some
        try:
            while True:
                self._bytes = some + some
                self._some = some + b"b"
                some = self._bytes
        except MemoryError:
            pass

    def attack(self, number, attempt, second, process):
        if attempt == 0:
            return self._find()
        if attempt == 1:
            return self._replace()
        if attempt == 2:
            return self._within()
        return self._find_bytes()

    def _find(self):
        return self._text.find(self._part)

    def _replace(self):
        return self._text.replace(self._part, "")

    def _within(self):
        return self._part in self._text

    def _find_bytes(self):
        return self._bytes.find(self._some)
