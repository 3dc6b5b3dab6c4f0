# refused: CP005
"""A method of the class itself."""

class Evil:
    def run(self, other):
        return classmethod(self.run)
