# refused: CP008
"""A function that reads a private attribute."""

def peek(led):
    return led._registers
