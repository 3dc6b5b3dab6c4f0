# refused: CP013
"""A variable of the module."""

state = 1
