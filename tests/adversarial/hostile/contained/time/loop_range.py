# contained: TimeOut
"""Goes through a range that does not end in its lifetime."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        for i in range(1 << 30):
            for j in range(1 << 30):
                pass
        return SUCCESS
