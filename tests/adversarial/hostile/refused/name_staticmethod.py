# refused: CP005
"""A function that passes for a method."""

class Evil:
    def run(self, other):
        return staticmethod(self.run)
