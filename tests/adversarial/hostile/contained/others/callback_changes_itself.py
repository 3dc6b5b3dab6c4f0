# contained: -
"""A callback that registers another, and none, while it is called."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._victim = powers.victim
        self._process = None

    def attack(self, number, attempt, second, process):
        self._victim.register(self.one)
        return ErrorCode.BUSY

    def one(self):
        self._victim.register(self.two)
        self._victim.command(5, 0, 0, self._process)

    def two(self):
        self._victim.register(None)
        self._victim.command(5, 0, 0, self._process)
        self._victim.register(self.one)
