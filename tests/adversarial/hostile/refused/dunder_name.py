# refused: CP009
"""The name of a function's class."""

class Evil:
    def run(self, other):
        return other.__name__
