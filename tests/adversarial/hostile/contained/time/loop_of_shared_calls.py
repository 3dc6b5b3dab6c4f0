# contained: TimeOut
"""Sets its alarm for ever: hardly any of its time is its own code's."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm

    def attack(self, number, attempt, second, process):
        while True:
            self._alarm.set_alarm(100000)
