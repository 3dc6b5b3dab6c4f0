# contained: ValueError
"""Raises an exception whose argument would take for ever to print."""


def shared():
    made = ()
    for _ in range(50):
        made = (made, made)
    return made


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        raise ValueError(shared())
