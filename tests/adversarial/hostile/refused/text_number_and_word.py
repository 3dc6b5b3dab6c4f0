# refused: CP001
"""A number that runs into a word: one token for MicroPython, two for Python."""

def f(a):
    return 1if a else 2
