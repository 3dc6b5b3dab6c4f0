# contained: -
"""Deferred calls that take half a budget each and ask for one another again, for ever."""

from kernel import ErrorCode, deferred


class Attack:
    def __init__(self, powers):
        self._now = powers.alarm.now
        self._later = [deferred(self._work) for _ in range(4)]

    def _work(self):
        began = int(self._now())
        while ((int(self._now()) - began) & 0xFFFFFF) < 6000:  # 61 ms
            pass
        for later in self._later:
            later()

    def attack(self, number, attempt, second, process):
        self._later[0]()
        return ErrorCode.FAIL
