# refused: CP017
"""Raises a class."""

class Evil:
    def run(self, other):
        raise ValueError
