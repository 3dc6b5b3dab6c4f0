# refused: CP009
"""The cells of a function."""

class Evil:
    def run(self, other):
        return other.__closure__
