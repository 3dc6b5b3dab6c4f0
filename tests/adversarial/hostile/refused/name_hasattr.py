# refused: CP005
"""Finds out about attributes."""

class Evil:
    def run(self, other):
        return hasattr(other, "_secret")
