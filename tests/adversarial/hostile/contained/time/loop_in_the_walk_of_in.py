# contained: TimeOut
"""Looks for a text among many of the same length that differ in their last character, for ever."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        text = "a"
        for _ in range(8):
            text = text + text
        self._many = [text + "b" for _ in range(4)]
        for _ in range(4):
            self._many = self._many + self._many
        self._one = text + "c"

    def attack(self, number, attempt, second, process):
        while self._one not in self._many:
            pass
        return ErrorCode.BUSY
