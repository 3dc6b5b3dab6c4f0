# refused: CP023
"""An attribute of a module in an annotation."""

def f(a: kernel.Grant):
    return a
