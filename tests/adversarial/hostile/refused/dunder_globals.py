# refused: CP009
"""The names of a function's module."""

class Evil:
    def run(self, other):
        return other.__globals__
