# contained: -
"""Sets its alarm to times that are no times, from its own callback."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm
        self._n = 0

    def attack(self, number, attempt, second, process):
        self._alarm.set_client(self.again)
        for dt in (0, -1, -1000, 1 << 24, 1 << 31, 1 << 64, -(1 << 64)):
            self._alarm.set_alarm(dt)
        return ErrorCode.BUSY

    def again(self):
        self._n += 1
        if self._n < 100:
            self._alarm.set_alarm(-self._n)
