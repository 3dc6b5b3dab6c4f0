# contained: -
"""Compares nested lists, and looks for one in another."""

from kernel import ErrorCode


def nested(n):
    made = []
    for _ in range(n):
        made = [made]
    return made


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        if attempt & 1:
            return ErrorCode.BUSY if nested(2000) in [nested(2000)] else ErrorCode.FAIL
        return ErrorCode.BUSY if nested(2000) < nested(2000) else ErrorCode.FAIL
