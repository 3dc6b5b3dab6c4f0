# contained: the buffer was passed on
"""Lends a buffer on and on, and gives it back in the wrong order."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        first = self._buffer.move(1)
        second = first.move(2)
        third = second.move(3)
        for wrong in (self._buffer, first, second):
            try:
                wrong.give_back()
                return SUCCESS
            except RuntimeError:
                pass
        if third.give_back().give_back().give_back() is not self._buffer:
            return SUCCESS
        return third[0]
