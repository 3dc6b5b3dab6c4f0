# contained: capsule attack failed in command[\s\S]*TypeError
"""Calls a function that the timer has made, with too many arguments, as if that were a client."""

from kernel import ErrorCode, call_client


class Attack:
    def __init__(self, powers):
        self._now = powers.alarm.now

    def attack(self, number, attempt, second, process):
        call_client(self._now, 1, 2, 3)
        return ErrorCode.FAIL
