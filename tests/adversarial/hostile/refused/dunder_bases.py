# refused: CP009
"""The classes above."""

class Evil:
    def run(self, other):
        return other.__bases__
