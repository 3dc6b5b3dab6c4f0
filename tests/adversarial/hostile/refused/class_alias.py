# refused: CP012
"""Another name for a class."""

class Evil:
    def run(self, other):
        c = Evil
        return c.run(other, other)
