# contained: -
"""An alarm that is set to go off at once, for ever."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm

    def attack(self, number, attempt, second, process):
        self._alarm.set_client(self.again)
        self._alarm.set_alarm(1)
        return ErrorCode.BUSY

    def again(self):
        self._alarm.set_alarm(1)
