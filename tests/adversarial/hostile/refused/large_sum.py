# refused: CP018
"""A sum so long that it is a deep expression."""

class Evil:
    def run(self, other):
        return other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other + other
