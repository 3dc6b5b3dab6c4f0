# contained: made again
# policy: RESTART
"""Fails in an interrupt's handler, which its recipe sets up and triggers again."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._line = powers.line
        self._line.enable(self.again)
        self._line.trigger()

    def attack(self, number, attempt, second, process):
        return ErrorCode.BUSY

    def again(self):
        raise ValueError("each time")
