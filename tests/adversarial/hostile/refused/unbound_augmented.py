# refused: CP016
"""Adds to a local that was never assigned."""

class Evil:
    def run(self, other):
        x += 1
        return x
