# refused: CP009
"""Where a module is from."""

class Evil:
    def run(self, other):
        return other.__file__
