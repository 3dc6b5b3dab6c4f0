# refused: CP005
"""Reads a private attribute by its name."""

class Evil:
    def run(self, other):
        return getattr(other, "_secret")
