# refused: CP002
"""A function without a name, which no rule for functions sees."""

class Evil:
    def run(self, other):
        return lambda: other
