# contained: RuntimeError|TimeOut
"""Compares a list that holds itself with another such list."""

from kernel import ErrorCode


def circle():
    made = []
    made.append(made)
    return made


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        return ErrorCode.BUSY if circle() == circle() else ErrorCode.FAIL
