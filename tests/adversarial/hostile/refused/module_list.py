# refused: CP013
"""A list of the module that everybody shares."""

CACHE = []
