# refused: CP009
"""Code behind a comparison, while a list is searched."""

class Evil:
    def __eq__(self):
        return 1000000
