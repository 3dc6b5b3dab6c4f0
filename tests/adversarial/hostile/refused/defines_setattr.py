# refused: CP009
"""Code behind every assignment."""

class Evil:
    def __setattr__(self):
        return 1000000
