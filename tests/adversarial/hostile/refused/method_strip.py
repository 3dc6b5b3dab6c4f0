# refused: CP011
"""A string's method that was not examined."""

class Evil:
    def run(self, other):
        return other.strip
