# refused: CP009
"""The name of this module."""

class Evil:
    def run(self, other):
        return __name__
