# refused: CP009
"""Advances an iterator."""

class Evil:
    def run(self, other):
        return other.__next__
