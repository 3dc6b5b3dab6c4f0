# refused: CP020
"""Repeats in place."""

class Evil:
    def run(self, other):
        x = [1]
        x *= 0x40000001
        return x
