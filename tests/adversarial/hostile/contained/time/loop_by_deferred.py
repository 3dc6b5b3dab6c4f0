# contained: calls before others had their turn: [12]\b
"""Half a dozen deferred calls, each of which takes half a budget: all in one go of the kernel's loop."""

from kernel import ErrorCode, deferred, log, log_number


class Attack:
    def __init__(self, powers):
        self._now = powers.alarm.now
        self._later = [deferred(self._work) for _ in range(6)]
        self._line = powers.line
        self._line.enable(self._turn)
        self._calls = 0

    def _work(self):
        self._calls += 1
        began = int(self._now())
        while ((int(self._now()) - began) & 0xFFFFFF) < 6000:  # 61 ms
            pass

    def _turn(self):
        log_number("calls before others had their turn: ", self._calls, 1)
        log("")

    def attack(self, number, attempt, second, process):
        self._calls = 0
        self._line.trigger()
        for later in self._later:
            later()
        return ErrorCode.FAIL
