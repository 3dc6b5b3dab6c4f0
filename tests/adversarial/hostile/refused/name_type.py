# refused: CP005
"""Gets the class of a foreign object."""

class Evil:
    def run(self, other):
        return type(other)
