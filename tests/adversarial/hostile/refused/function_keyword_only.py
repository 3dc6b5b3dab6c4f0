# refused: CP015
"""A parameter form that was not examined."""

def f(*, a):
    return a
