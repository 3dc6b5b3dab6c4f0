# refused: CP011
"""Searches a list in C."""

class Evil:
    def run(self, other):
        return other.index
