# contained: -
"""Keeps a result, and returns it when others have written theirs to the same place: it would tell their numbers."""

from kernel import ErrorCode, success_u32


class Attack:
    def __init__(self, powers):
        self._kept = None

    def attack(self, number, attempt, second, process):
        if attempt == 0:
            self._kept = success_u32(7)
            return ErrorCode.FAIL
        return self._kept
