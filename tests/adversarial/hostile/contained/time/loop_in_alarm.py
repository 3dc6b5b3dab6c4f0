# contained: TimeOut
"""Loops for ever when its alarm goes off: the alarms of the others must go on."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm

    def attack(self, number, attempt, second, process):
        self._alarm.set_client(self.endless)
        self._alarm.set_alarm(1000)
        return ErrorCode.BUSY

    def endless(self):
        while True:
            pass
