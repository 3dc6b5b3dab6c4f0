# refused: CP010
"""A function that calls a foreign object self."""

def peek(self):
    return 1
