# refused: CP011
"""Moves a list's elements in C."""

class Evil:
    def run(self, other):
        return other.insert
