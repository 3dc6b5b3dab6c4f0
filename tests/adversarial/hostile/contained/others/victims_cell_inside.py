# contained: -
"""Looks into the victim's cell while it looks into it."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._victim = powers.victim
        self._won = False

    def attack(self, number, attempt, second, process):
        self._victim.look(self.inside)
        return SUCCESS if self._won else ErrorCode.FAIL

    def inside(self, pair):
        if self._victim.look(self.inside) is not None:
            self._won = True
        return 0
