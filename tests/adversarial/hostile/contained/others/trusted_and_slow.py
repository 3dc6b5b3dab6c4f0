# contained: capsule attack failed in code that others call[\s\S]*TimeOut
"""The victim calls what it shares, which does not end."""

from kernel import ErrorCode, shared


class Attack:
    def __init__(self, powers):
        powers.victim.trust(shared(self._work))

    def _work(self):
        while True:
            pass

    def attack(self, number, attempt, second, process):
        return ErrorCode.FAIL
