# refused: CP010 as board
"""A module's own self."""

self = 1
