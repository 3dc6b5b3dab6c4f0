# contained: -
"""Its alarm's callback sets and disarms the alarm, and changes the callback."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm
        self._left = 0

    def attack(self, number, attempt, second, process):
        self._left = 200
        self._alarm.set_client(self.one)
        self._alarm.set_alarm(10)
        return ErrorCode.BUSY

    def one(self):
        self._left -= 1
        self._alarm.disarm()
        if self._left <= 0:
            return
        self._alarm.set_client(self.two if self._left & 1 else self.one)
        self._alarm.set_alarm(1000)
        self._alarm.set_alarm(0x7FFFFF)
        self._alarm.set_alarm(200)

    def two(self):
        self.one()
        self._alarm.set_client(self.one)
