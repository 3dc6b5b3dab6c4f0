# contained: capsule attack failed in code that others call[\s\S]*TimeOut
"""The victim calls what it shares, which sets an alarm for ever: its time must not end in the middle of the alarms' code."""

from kernel import ErrorCode, shared


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm
        powers.victim.trust(shared(self._work))

    def _work(self):
        while True:
            self._alarm.set_alarm(100000)

    def attack(self, number, attempt, second, process):
        return ErrorCode.FAIL
