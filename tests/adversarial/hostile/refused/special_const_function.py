# refused: CP019
"""A function that passes for const."""

def const(x):
    return [x]
