# contained: -
"""Compares tuples that are nested thousands of times."""

from kernel import ErrorCode


def nested(n):
    made = ()
    for _ in range(n):
        made = (made,)
    return made


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        if nested(500 << attempt) == nested(500 << attempt):
            return ErrorCode.BUSY
        return ErrorCode.FAIL
