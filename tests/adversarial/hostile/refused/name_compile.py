# refused: CP005
"""Compiles text to code."""

class Evil:
    def run(self, other):
        return compile("1", "", "eval")
