# contained: -
"""Makes text of a list that holds itself."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        made = []
        made.append(made)
        return len(f"{made}") + len("%s" % made)
