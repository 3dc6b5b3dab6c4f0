# refused: CP005
"""A buffer that resizes under a memoryview."""

class Evil:
    def run(self, other):
        return bytearray(8)
