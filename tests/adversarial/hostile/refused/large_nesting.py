# refused: CP018
"""Calls within calls: a frame larger than the margin."""

class Evil:
    def run(self, other):
        return other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(other.f(1))))))))))))))))))))))))))
