# refused: CP020
"""A list in an attribute."""

class Evil:
    def run(self, other):
        self.x = [1]
        return self.x * 0x40000001
