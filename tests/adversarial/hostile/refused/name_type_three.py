# refused: CP005
"""Makes a class at run time."""

class Evil:
    def run(self, other):
        return type("X", (), 0)
