# refused: CP020
"""An unknown object repeated."""

class Evil:
    def run(self, other):
        return other * 0x40000001
