# contained: -
"""Sets its alarm to what is no number: the clock of the others must go on."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm

    def attack(self, number, attempt, second, process):
        self._alarm.set_client(self.attack)
        wrong = (None, "100", (1,), self, [1])
        self._alarm.set_alarm(wrong[attempt])
        return ErrorCode.BUSY
