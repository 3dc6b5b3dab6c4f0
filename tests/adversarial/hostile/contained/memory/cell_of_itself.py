# contained: -
"""Puts cells into themselves and each other, and follows them."""

from cells import TakeCell
from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        one, other = TakeCell(), TakeCell()
        one.put(other)
        other.put(one)
        one.put(one)
        for _ in range(1000):
            taken = one.replace(other)
            other = one
            one = taken
        return ErrorCode.FAIL
