# refused: CP005
"""Tells classes apart, and takes classes as values."""

class Evil:
    def run(self, other):
        return isinstance(other, other)
