# refused: CP009
"""Code behind an operator."""

class Evil:
    def __add__(self):
        return 1000000
