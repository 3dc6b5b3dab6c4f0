# refused: CP013
"""A list within a tuple."""

X = (1, [2])
