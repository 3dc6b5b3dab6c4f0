# contained: ValueError: again
"""Raises whenever its alarm goes off, which it sets anew each time: no failure may stop the others' clock."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm

    def attack(self, number, attempt, second, process):
        self._alarm.set_client(self.again)
        self._alarm.set_alarm(1000)
        return ErrorCode.BUSY

    def again(self):
        self._alarm.set_alarm(100)
        raise ValueError("again")
