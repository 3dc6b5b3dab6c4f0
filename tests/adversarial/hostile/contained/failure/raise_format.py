# contained: ValueError: %s
"""Raises an exception whose text is a format."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        raise ValueError("%s%s%s%n%q%x\n\0\r")
