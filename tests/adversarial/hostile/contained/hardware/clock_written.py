# contained: -
"""Writes the clock: its alarm's counter is a register's, to be read."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm

    def attack(self, number, attempt, second, process):
        for wrong in (0, 1, -1, 0xFFFFFF, None, self):
            try:
                self._alarm.now(wrong)
                return SUCCESS
            except TypeError:
                pass
        for step in range(3):
            try:
                self.use(step)
                return SUCCESS
            except Exception:
                pass
        return ErrorCode.FAIL

    def use(self, step):
        if step == 0:
            self._alarm.now.set()
        elif step == 1:
            self._alarm.now.clear()
        else:
            self._alarm.now.toggle()
