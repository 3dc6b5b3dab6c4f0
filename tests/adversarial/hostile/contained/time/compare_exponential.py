# contained: TimeOut
"""Compares tuples that share their parts, of which there are 2**20."""

from kernel import ErrorCode


def shared():
    made = ()
    for _ in range(20):
        made = (made, made)
    return made


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        return ErrorCode.BUSY if shared() == shared() else ErrorCode.FAIL
