# contained: -
"""The victim calls what it shares, which sets an alarm where hardly any stack is left, less from time to time."""

from kernel import ErrorCode, shared


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm
        self._turn = 0
        self._left = 0
        powers.victim.trust(shared(self._work))

    def _work(self):
        self._turn += 1
        self._left = self._turn
        try:
            self._deep()
        except RuntimeError:
            pass

    def _deep(self):
        try:
            self._deep()
        except RuntimeError as error:
            self._left -= 1
            if self._left == 0:
                self._alarm.set_alarm(100000)
            raise error

    def attack(self, number, attempt, second, process):
        return ErrorCode.FAIL
