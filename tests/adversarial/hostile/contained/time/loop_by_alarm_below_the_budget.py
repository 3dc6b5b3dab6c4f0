# contained: -
"""Computes for nearly as long as it may, each time that its alarm goes off, and that is at once: nothing is pending when it returns."""


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm
        self._now = powers.alarm.now
        self._alarm.set_client(self.fired)

    def fired(self):
        begin = self._now()
        self._alarm.set_alarm(1)
        while (self._now() - begin) & 0xFFFFFF < 9277:
            pass

    def attack(self, number, attempt, second, process):
        if attempt == 0:
            self._alarm.set_alarm(1)
        return 1
