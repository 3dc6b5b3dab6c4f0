# refused: CP019
"""Another function under a built-in's name."""

class Evil:
    def run(self, other):
        len = other
        return len(self)
