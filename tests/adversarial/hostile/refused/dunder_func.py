# refused: CP009
"""The function of a bound method."""

class Evil:
    def run(self, other):
        return other.__func__
