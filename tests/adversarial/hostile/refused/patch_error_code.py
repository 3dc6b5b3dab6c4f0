# refused: CP007
"""Changes what an error number means."""

from kernel import ErrorCode


def patch():
    ErrorCode.INVAL = 0
