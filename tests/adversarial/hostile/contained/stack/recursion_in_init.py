# contained: RuntimeError
"""Calls itself for ever where the board makes it."""


class Attack:
    def __init__(self, powers):
        self.deep(powers)

    def attack(self, number, attempt, second, process):
        return 0

    def deep(self, powers):
        self.deep(powers)
