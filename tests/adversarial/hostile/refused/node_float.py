# refused: CP002
"""A float."""

def f():
    return 1.5
