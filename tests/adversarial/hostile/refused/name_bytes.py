# refused: CP005
"""Copies any buffer, or makes one of any size."""

class Evil:
    def run(self, other):
        return bytes(100000)
