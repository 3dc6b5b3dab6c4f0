# refused: CP006
"""A tuple of whatever another object gives, in a loop in C."""

class Evil:
    def run(self, other):
        return tuple(other)
