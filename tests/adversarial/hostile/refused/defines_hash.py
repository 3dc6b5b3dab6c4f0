# refused: CP009
"""Code behind a dict's look-up."""

class Evil:
    def __hash__(self):
        return 1000000
