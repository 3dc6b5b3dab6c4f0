# refused: CP005
"""Iterators within iterators until the C stack is full."""

class Evil:
    def run(self, other):
        return zip(other, other)
