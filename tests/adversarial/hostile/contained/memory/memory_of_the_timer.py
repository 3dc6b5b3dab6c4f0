# contained: MemoryError|TimeOut
"""Takes memory when its alarm goes off: on the timer's account."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm
        self._kept = ()

    def attack(self, number, attempt, second, process):
        self._alarm.set_client(self.more)
        self._alarm.set_alarm(100)
        return ErrorCode.BUSY

    def more(self):
        while True:
            self._kept = (self._kept, 1)
