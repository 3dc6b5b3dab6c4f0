# refused: CP023
"""Code in the type of the result."""

def f(a) -> [print for x in a]:
    return a
