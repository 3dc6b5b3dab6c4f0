# refused: CP009
"""Code behind an index."""

class Evil:
    def __getitem__(self):
        return 1000000
