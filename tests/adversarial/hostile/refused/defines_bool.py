# refused: CP009
"""Code behind if."""

class Evil:
    def __bool__(self):
        return 1000000
