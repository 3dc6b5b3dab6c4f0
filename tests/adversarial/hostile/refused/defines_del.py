# refused: CP009
"""Code that the garbage collector runs."""

class Evil:
    def __del__(self):
        return 1000000
