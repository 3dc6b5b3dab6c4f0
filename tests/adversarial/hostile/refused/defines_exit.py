# refused: CP009
"""Swallows an exception."""

class Evil:
    def __exit__(self):
        return 1000000
