# contained: TimeOut
"""Loops for ever over exceptions that go through many calls."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        while True:
            try:
                self.deep(10)
            except Exception:
                pass

    def deep(self, n):
        if n == 0:
            raise OSError(self)
        self.deep(n - 1)
