# refused: CP005
"""An iterator over something that changes."""

class Evil:
    def run(self, other):
        return reversed(other)
