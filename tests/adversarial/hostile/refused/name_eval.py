# refused: CP005
"""Runs text."""

class Evil:
    def run(self, other):
        return eval("1")
