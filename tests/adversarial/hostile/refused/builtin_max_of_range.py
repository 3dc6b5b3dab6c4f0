# refused: CP006
"""A loop in C that no time-out ends."""

class Evil:
    def run(self, other):
        return max(range(1000000000))
