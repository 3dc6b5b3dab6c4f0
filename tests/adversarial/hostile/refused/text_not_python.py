# refused: CP001
"""Text that Python's parser refuses, in the hope that MicroPython's does not."""

def f(:
    return 1
