# refused: CP018
"""Few locals, but calls that hold each other's arguments."""

class Evil:
    def run(self, other):
        return other.f(1, 2, 3, 4, other.f(1, 2, 3, 4, other.f(1, 2, 3, 4, other.f(1, 2, 3, 4, other.f(1, 2, 3, 4, other.f(1, 2, 3, 4, other.f(1, 2, 3, 4, other.f(1, 2, 3, 4, other.f(1, 2, 3, 4, other.f(1, 2, 3, 4, other.f(1, 2, 3, 4, other.f(1, 2, 3, 4, 1))))))))))))
