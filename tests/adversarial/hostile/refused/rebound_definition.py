# refused: CP019
"""A definition under a built-in's name."""

def range(n):
    return [n]
