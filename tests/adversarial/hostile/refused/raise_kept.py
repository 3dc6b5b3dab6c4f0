# refused: CP017
"""Makes an exception without raising it."""

class Evil:
    def run(self, other):
        return ValueError(1)
