# contained: -
"""An interrupt's handler triggers itself for ever: each call is short."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._line = powers.line

    def attack(self, number, attempt, second, process):
        self._line.enable(self.again)
        self._line.trigger()
        return ErrorCode.BUSY

    def again(self):
        self._line.trigger()
