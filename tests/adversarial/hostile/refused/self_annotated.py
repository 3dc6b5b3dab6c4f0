# refused: CP010
"""Assigns self with an annotation."""

class Evil:
    def run(self, other):
        self: int = other
