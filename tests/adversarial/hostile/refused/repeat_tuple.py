# refused: CP020
"""A tuple repeated so often that its size overflows."""

class Evil:
    def run(self, other):
        return (1, 2) * other.size()
