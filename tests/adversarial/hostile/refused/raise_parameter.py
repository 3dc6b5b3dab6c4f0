# refused: CP017
"""Raises what it was given."""

class Evil:
    def run(self, other):
        raise other
