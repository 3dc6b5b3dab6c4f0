# refused: CP005
"""The class of strings, with its methods."""

class Evil:
    def run(self, other):
        return str(other)
