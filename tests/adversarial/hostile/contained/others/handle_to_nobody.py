# contained: has no other owner
"""Gives back a buffer that is its own, and another's through the victim."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        try:
            self._victim.give_back(self._buffer)
            return SUCCESS
        except RuntimeError:
            pass
        self._buffer.give_back()
        return SUCCESS
