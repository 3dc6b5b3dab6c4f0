# contained: RuntimeError
"""Has the victim call itself as deep as it goes."""


class Attack:
    def __init__(self, powers):
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        return self._victim.count_down(100000)
