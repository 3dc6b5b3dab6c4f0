# refused: CP018
"""A number that fills the heap."""

class Evil:
    def run(self, other):
        return 0x10000000000000000000000000000000000000000000000000000000000000000
