# refused: CP023
"""Code in an annotation."""

from kernel import log


def f(a: log('x')):
    return a
