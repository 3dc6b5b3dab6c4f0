# refused: CP006
"""Unpacks a range: a loop in C, and a large frame."""

class Evil:
    def run(self, other):
        a, b = range(2)
        return a + b
