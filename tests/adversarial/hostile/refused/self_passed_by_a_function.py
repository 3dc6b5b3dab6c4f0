# refused: CP010
"""Passes on a self that no method has been given."""


def attack(a):
    return a.keep(self)
