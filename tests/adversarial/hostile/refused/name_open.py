# refused: CP005
"""Opens a file."""

class Evil:
    def run(self, other):
        return open("x")
