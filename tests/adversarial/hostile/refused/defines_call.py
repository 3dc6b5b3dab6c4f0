# refused: CP009
"""Code behind a call."""

class Evil:
    def __call__(self):
        return 1000000
