# refused: CP009
"""Code behind every attribute."""

class Evil:
    def __getattr__(self):
        return 1000000
