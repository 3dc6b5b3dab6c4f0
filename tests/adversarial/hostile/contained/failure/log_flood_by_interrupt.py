# contained: -
"""Floods the log from an interrupt's handler that triggers itself, a while."""

from kernel import ErrorCode, log


class Attack:
    def __init__(self, powers):
        self._line = powers.line
        self._left = 0

    def attack(self, number, attempt, second, process):
        self._left = 2000
        self._line.enable(self.again)
        self._line.trigger()
        return ErrorCode.BUSY

    def again(self):
        self._left -= 1
        log("flood")
        if self._left > 0:
            self._line.trigger()
