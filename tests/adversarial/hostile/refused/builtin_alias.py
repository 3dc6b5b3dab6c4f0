# refused: CP006
"""Another name for a built-in function."""

class Evil:
    def run(self, other):
        f = len
        return f(other)
