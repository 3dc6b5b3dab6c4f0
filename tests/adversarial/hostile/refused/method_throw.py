# refused: CP011
"""Throws an exception into a generator."""

class Evil:
    def run(self, other):
        return other.throw
