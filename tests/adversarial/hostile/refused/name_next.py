# refused: CP005
"""Advances somebody else's iterator."""

class Evil:
    def run(self, other):
        return next(other)
