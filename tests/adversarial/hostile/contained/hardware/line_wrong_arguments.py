# contained: -
"""Calls the methods of its lines with too little and too much."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._line = powers.line

    def attack(self, number, attempt, second, process):
        for step in range(7):
            try:
                self.use(step)
                return SUCCESS
            except TypeError:
                pass
        return ErrorCode.FAIL

    def use(self, step):
        if step == 0:
            self._line.enable()
        elif step == 1:
            self._line.enable(self.use, 1)
        elif step == 2:
            self._line.disable(1)
        elif step == 3:
            self._line.trigger(1)
        elif step == 4:
            self._line.enable(handler=self.use)
        elif step == 5:
            self._line.trigger(line=1)
        else:
            self._line()
