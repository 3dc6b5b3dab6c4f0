# refused: CP007
"""A for whose variable is a foreign attribute."""

class Evil:
    def run(self, other):
        for other.ready in [1, 2]:
            pass
