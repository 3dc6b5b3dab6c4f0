# contained: -
"""Uses nearly all of its time when it is started and when it is called, and then calls C for so long that its time ends there: what is
pending when it has returned is its own, and not the next one's.
"""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._now = powers.alarm.now
        text = "ab"
        for _ in range(7):
            text = text + text
        self._hay = text
        self._needle = text[0] + "b" + "x"

    def start(self):
        self._nearly(10400)

    def attack(self, number, attempt, second, process):
        self._nearly(10300 + 60 * int(attempt))
        return ErrorCode.FAIL

    def _nearly(self, ticks):
        begin = self._now()
        while (self._now() - begin) & 0xFFFFFF < ticks:
            pass
        self._hay.find(self._needle)
        self._hay.find(self._needle)
        self._hay.find(self._needle)
        self._hay.find(self._needle)
