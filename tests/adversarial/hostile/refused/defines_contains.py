# refused: CP009
"""Code behind `in`."""

class Evil:
    def __contains__(self):
        return 1000000
