# refused: CP011
"""A list of any length, in C."""

class Evil:
    def run(self, other):
        return other.split
