# refused: CP002
"""Assigns a slice: resizes a list or bytearray while something points into it."""

class Evil:
    def run(self, other):
        x = [1, 2]
        x[0:1] = [1, 2, 3]
