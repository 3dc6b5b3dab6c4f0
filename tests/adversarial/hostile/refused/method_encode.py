# refused: CP011
"""Text to bytes, by a method that was not examined."""

class Evil:
    def run(self, other):
        return other.encode
