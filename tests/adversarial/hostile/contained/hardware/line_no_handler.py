# contained: TypeError
"""Has a line call what cannot be called."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._line = powers.line

    def attack(self, number, attempt, second, process):
        wrong = (None, 0, 1 << 40, "text", (self.attack,), [self.attack], self, self._line)
        self._line.enable(wrong[attempt])
        self._line.trigger()
        return ErrorCode.BUSY
