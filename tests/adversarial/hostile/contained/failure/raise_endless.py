# contained: RuntimeError|OSError
"""Raises an exception whose argument is a list that holds it."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        made = []
        try:
            raise OSError(made)
        except OSError as error:
            made.append(error)
            made.append(made)
            raise RuntimeError(made)
