# refused: CP007
"""A comprehension whose variable is a foreign attribute."""

class Evil:
    def run(self, other):
        return [1 for other.ready in [1, 2]]
