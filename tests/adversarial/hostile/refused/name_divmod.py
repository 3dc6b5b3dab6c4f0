# refused: CP005
"""A tuple made in C by a function that is not listed."""

class Evil:
    def run(self, other):
        return divmod(7, 2)
