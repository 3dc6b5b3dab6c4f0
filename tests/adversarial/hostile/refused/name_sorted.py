# refused: CP005
"""Sorts in C while the comparison changes what is sorted."""

class Evil:
    def run(self, other):
        return sorted(other)
