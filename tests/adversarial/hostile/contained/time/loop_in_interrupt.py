# contained: TimeOut
"""Loops for ever in an interrupt's handler."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._line = powers.line

    def attack(self, number, attempt, second, process):
        self._line.enable(self.endless)
        self._line.trigger()
        return ErrorCode.BUSY

    def endless(self):
        while True:
            pass
