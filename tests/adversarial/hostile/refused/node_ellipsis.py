# refused: CP002
"""The object Ellipsis."""

def f():
    return ...
