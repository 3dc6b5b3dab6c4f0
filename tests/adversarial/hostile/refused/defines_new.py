# refused: CP009
"""Code that makes the object."""

class Evil:
    def __new__(self):
        return 1000000
