# contained: TimeOut
# emit: bytecode
"""Loops for ever, in bytecode."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        while True:
            pass
