# refused: CP005
"""A power of three numbers."""

class Evil:
    def run(self, other):
        return pow(7, 7, 7)
