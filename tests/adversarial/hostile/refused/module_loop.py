# refused: CP013
"""A loop while the module is imported."""

while True:
    pass
