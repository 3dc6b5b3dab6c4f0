# contained: -
"""A handler takes nearly all of its budget, and then triggers itself."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._line = powers.line

    def attack(self, number, attempt, second, process):
        self._line.enable(self.again)
        self._line.trigger()
        return ErrorCode.BUSY

    def again(self):
        for i in range(50000):
            pass
        self._line.trigger()
