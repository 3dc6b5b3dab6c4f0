# refused: CP023
"""Parentheses around an annotation: one stays when it is cut out."""

def f(a: (int)):
    return a
