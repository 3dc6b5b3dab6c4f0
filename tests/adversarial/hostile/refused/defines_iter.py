# refused: CP009
"""Code behind a for."""

class Evil:
    def __iter__(self):
        return 1000000
