# refused: CP007
"""Assigns a foreign attribute by unpacking."""

class Evil:
    def run(self, other):
        other.ready, x = 1, 2
        return x
