# refused: CP013 as board
"""A board with logic."""

for x in [1, 2]:
    pass
