# refused: CP016
"""Read before it is assigned."""

class Evil:
    def run(self, other):
        y = x
        x = other
        return y
