# refused: CP005
"""An iterator of one's own."""

class Evil:
    def run(self, other):
        return iter(other)
