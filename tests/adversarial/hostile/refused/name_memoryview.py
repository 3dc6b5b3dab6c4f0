# refused: CP005
"""A window that outlives the memory behind it."""

class Evil:
    def run(self, other):
        return memoryview(other)
