# refused: CP005
"""An exception that is not on the list."""

class Evil:
    def run(self, other):
        raise_it = StopIteration
