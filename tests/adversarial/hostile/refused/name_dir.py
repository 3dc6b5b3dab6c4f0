# refused: CP005
"""Lists all attributes."""

class Evil:
    def run(self, other):
        return dir(other)
