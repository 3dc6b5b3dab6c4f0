# contained: TimeOut|RuntimeError
"""Calls itself as deep as it can, catches the refusal at each depth, and does so again."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        self.deep()
        return 0

    def deep(self):
        while True:
            try:
                self.deep()
            except RuntimeError:
                pass
