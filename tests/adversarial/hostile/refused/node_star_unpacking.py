# refused: CP002
"""Collects whatever an iterable gives into a list."""

class Evil:
    def run(self, other):
        first, *rest = other.list_all()
        return first
