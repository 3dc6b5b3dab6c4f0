# refused: CP011
"""Ends a generator."""

class Evil:
    def run(self, other):
        return other.close
