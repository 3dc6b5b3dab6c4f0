# contained: its recipe, try 1 \(failure 1\)
"""Loops for ever where the board makes it, during the boot."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        while True:
            powers.line.trigger()

    def attack(self, number, attempt, second, process):
        return SUCCESS
