# contained: TimeOut
"""Hands the alarms what they refuse, for ever, and catches that."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm

    def attack(self, number, attempt, second, process):
        while True:
            try:
                self._alarm.set_client(5)
            except TypeError:
                pass
