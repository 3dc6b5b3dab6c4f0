# refused: CP002
"""A generator from an expression."""

class Evil:
    def run(self, other):
        return other.feed(x for x in [1, 2])
