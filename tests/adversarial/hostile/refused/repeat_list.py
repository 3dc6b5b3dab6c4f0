# refused: CP020
"""A list repeated so often that its size overflows: memory is overwritten."""

class Evil:
    def run(self, other):
        return [0] * 0x40000001
