# refused: CP005
"""Writes an attribute by its name."""

class Evil:
    def run(self, other):
        return setattr(other, "ready", 1)
