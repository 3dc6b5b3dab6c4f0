# refused: CP012
"""A class as a result."""

class Evil:
    def run(self, other):
        return Evil
