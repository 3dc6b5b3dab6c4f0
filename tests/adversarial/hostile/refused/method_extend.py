# refused: CP011
"""A loop in C over anything."""

class Evil:
    def run(self, other):
        return other.extend
