# refused: CP015
"""More parameters than a frame should have."""

def f(a, b, c, d, e, g, h, i, j):
    return a
