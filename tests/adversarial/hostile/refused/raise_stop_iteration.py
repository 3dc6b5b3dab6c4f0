# refused: CP017
"""Ends somebody else's loop."""

class Evil:
    def run(self, other):
        raise StopIteration(1)
