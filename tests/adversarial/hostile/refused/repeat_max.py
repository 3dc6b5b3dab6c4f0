# refused: CP020
"""max of lists is a list."""

class Evil:
    def run(self, other):
        return max([1], [2]) * 0x40000001
