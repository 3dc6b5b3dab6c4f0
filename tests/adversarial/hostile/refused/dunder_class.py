# refused: CP009
"""The class of an object."""

class Evil:
    def run(self, other):
        return other.__class__
