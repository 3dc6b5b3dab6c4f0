# refused: CP018
"""A call with more arguments than the frame should hold."""

class Evil:
    def run(self, other):
        return other.f(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
