# refused: CP015
"""A default that all calls share."""

def f(a=[]):
    return a
