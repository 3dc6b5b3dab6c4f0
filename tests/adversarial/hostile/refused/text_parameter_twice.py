# refused: CP001
"""Two parameters of one name."""

def f(a, a):
    return a
