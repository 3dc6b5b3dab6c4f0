# refused: CP016
"""Stores through a local that was never assigned."""

class Evil:
    def run(self, other):
        x[0] = 1
        x = [other]
