# refused: CP020
"""A list that comes by unpacking."""

class Evil:
    def run(self, other):
        x, y = other.pair()
        return x * 0x40000001 + y
