# refused: CP005
"""An iterator in C."""

class Evil:
    def run(self, other):
        return enumerate(other)
