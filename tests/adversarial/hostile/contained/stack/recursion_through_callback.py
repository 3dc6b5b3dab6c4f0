# contained: RuntimeError
"""Has the victim call back, and calls the victim, for ever."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._victim = powers.victim
        self._process = None

    def attack(self, number, attempt, second, process):
        self._victim.register(self.again)
        self.again()
        return ErrorCode.FAIL

    def again(self):
        self._victim.command(5, 0, 0, self._process)
