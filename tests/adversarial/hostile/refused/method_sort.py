# refused: CP011
"""Sorts a list in C while the comparison changes it."""

class Evil:
    def run(self, other):
        return other.sort
