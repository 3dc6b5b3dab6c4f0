# refused: CP009
"""Code behind an index's number."""

class Evil:
    def __index__(self):
        return 1000000
