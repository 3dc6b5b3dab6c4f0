# refused: CP009
"""Reads by name."""

class Evil:
    def run(self, other):
        return other.__getattr__
