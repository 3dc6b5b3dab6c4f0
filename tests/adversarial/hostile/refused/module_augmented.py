# refused: CP013
"""A constant that changes."""

X = 1
X += 1
