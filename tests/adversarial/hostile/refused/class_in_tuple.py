# refused: CP012
"""A class in a tuple."""

class Evil:
    def run(self, other):
        return (Evil, 1)
