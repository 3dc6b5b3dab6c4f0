# refused: CP007
"""Assigns with an annotation."""

class Evil:
    def run(self, other):
        other.ready: int = 1
