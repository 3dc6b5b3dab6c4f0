# refused: CP020
"""A sum that may be a list."""

class Evil:
    def run(self, other):
        return (other + other) * 0x40000001
