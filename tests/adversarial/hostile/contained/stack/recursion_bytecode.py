# contained: RuntimeError
# emit: bytecode
"""Calls itself for ever, in bytecode, whose frames lie on a stack of their own."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        return self.attack(number, attempt, second, process)
