# refused: CP020
"""The number first."""

class Evil:
    def run(self, other):
        return 0x40000001 * other
