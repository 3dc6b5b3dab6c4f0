# refused: CP009
"""A function's code object, to make another function of."""

class Evil:
    def run(self, other):
        return other.__code__
