# refused: CP012
"""A class in a comparison."""

class Evil:
    def run(self, other):
        return other is Evil
