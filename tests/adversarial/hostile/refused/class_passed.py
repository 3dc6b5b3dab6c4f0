# refused: CP012
"""A class as an argument."""

class Evil:
    def run(self, other):
        other.register(Evil)
