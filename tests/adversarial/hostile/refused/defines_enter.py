# refused: CP009
"""Code behind with."""

class Evil:
    def __enter__(self):
        return 1000000
