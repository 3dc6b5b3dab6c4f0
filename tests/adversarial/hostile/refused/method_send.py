# refused: CP011
"""Resumes a generator."""

class Evil:
    def run(self, other):
        return other.send
