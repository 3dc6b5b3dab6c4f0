# refused: CP015
"""A default that runs code."""

from cells import TakeCell


def f(a=TakeCell()):
    return a
