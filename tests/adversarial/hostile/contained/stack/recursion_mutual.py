# contained: RuntimeError
"""Two methods and a function call each other for ever."""


def three(attacker):
    return attacker.one(attacker)


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        return self.one(self)

    def one(self, other):
        return other.two([other])

    def two(self, others):
        return three(others[0]) + 1
