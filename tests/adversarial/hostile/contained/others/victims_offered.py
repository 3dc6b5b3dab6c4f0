# contained: TypeError
"""Changes the tuple that the victim lets everybody see."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        self._victim.offered[0] = 7
        return SUCCESS
