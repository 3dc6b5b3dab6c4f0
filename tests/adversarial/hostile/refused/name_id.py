# refused: CP005
"""An object's address."""

class Evil:
    def run(self, other):
        return id(other)
