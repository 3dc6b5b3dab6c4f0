# refused: CP011
"""A string of any width."""

class Evil:
    def run(self, other):
        return other.center
