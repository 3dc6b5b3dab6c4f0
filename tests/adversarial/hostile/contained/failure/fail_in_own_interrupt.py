# contained: keeps failing
"""Raises in its interrupt's handler, which it triggers anew each time."""

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
        raise ValueError("again")
