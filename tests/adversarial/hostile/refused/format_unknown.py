# refused: CP020
"""A format that comes from elsewhere."""

class Evil:
    def run(self, other):
        return other % 1
