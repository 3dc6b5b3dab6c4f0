# refused: CP009
"""A module's own getattr."""

def __getattr__(name):
    return name
