# refused: CP006
"""min of anything iterable."""

class Evil:
    def run(self, other):
        return min(other)
