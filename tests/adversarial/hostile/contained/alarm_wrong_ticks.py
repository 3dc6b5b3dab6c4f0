# contained: -
"""Tells its alarm that so much time has passed that its number of ticks needs all memory."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm

    def attack(self, number, attempt, second, process):
        self._alarm.set_client(self.again)
        self._alarm.set_alarm(1 << 60)
        for _ in range(100):
            self._alarm.pass_ticks(-(1 << 62))
        return ErrorCode.BUSY

    def again(self):
        pass
