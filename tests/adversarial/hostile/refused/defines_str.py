# refused: CP009
"""Code that runs while something is printed."""

class Evil:
    def __str__(self):
        return 1000000
