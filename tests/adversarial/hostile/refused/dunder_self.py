# refused: CP009
"""The object of a bound method."""

class Evil:
    def run(self, other):
        return other.__self__
