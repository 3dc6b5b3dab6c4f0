# contained: neither success nor an error
"""Returns numbers that are no result of a command."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        return (0, -ErrorCode.FAIL, ErrorCode.NOACK + 1, 1 << 40, -(1 << 64))[attempt]
