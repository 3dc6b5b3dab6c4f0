# refused: CP002
"""A complex number, to get at a type with attributes of its own."""

def f():
    return 1j
