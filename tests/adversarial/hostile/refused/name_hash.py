# refused: CP005
"""Runs into foreign code, and without end in nested tuples."""

class Evil:
    def run(self, other):
        return hash(other)
