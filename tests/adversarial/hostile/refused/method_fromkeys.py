# refused: CP011
"""A dict of anything iterable."""

class Evil:
    def run(self, other):
        return other.fromkeys
