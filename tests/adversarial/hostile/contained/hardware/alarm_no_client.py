# contained: -
"""Has its alarm call what cannot be called."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm

    def attack(self, number, attempt, second, process):
        wrong = (None, 0, "text", self, (self.attack,))
        self._alarm.set_client(wrong[attempt])
        self._alarm.set_alarm(100)
        return ErrorCode.BUSY
