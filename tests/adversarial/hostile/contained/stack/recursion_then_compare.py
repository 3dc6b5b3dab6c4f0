# contained: -
"""Goes as deep as it can, and compares nested tuples there."""


def nested(n):
    made = ()
    for _ in range(n):
        made = (made, 1)
    return made


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        return self.deep(nested(8), nested(8))

    def deep(self, one, other):
        try:
            return self.deep(one, other)
        except RuntimeError:
            return 0 if one == other else 0
