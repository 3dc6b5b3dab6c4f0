# refused: CP009
"""The module of a class."""

class Evil:
    def run(self, other):
        return other.__module__
