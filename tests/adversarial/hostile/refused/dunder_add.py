# refused: CP009
"""Adds by hand, past the rules of operators."""

class Evil:
    def run(self, other):
        return other.__add__
