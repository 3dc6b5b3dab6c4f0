# contained: -
"""Sets its alarm to numbers of ticks that need memory, and that no clock has."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm

    def attack(self, number, attempt, second, process):
        self._alarm.set_client(self.again)
        huge = 1 << 60
        for _ in range(100):
            huge += huge
            self._alarm.set_alarm(huge)
            self._alarm.set_alarm(-huge)
        return ErrorCode.BUSY

    def again(self):
        pass
