# refused: CP020
"""A string repeated so often that its length overflows."""

class Evil:
    def run(self, other):
        return "abcd" * 0x40000001
