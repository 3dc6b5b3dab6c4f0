# contained: RuntimeError|TimeOut
"""Two lists that hold each other, and each twice, are looked for in one another."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        one, other = [1], [1]
        one.append(other)
        one.append(other)
        other.append(one)
        other.append(one)
        return ErrorCode.BUSY if one in [other] else ErrorCode.FAIL
