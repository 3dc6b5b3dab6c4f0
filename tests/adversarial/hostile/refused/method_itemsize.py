# refused: CP011
"""A memoryview's attribute."""

class Evil:
    def run(self, other):
        return other.itemsize
