# refused: CP011
"""The value of StopIteration."""

class Evil:
    def run(self, other):
        return other.value
