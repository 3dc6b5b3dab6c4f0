# refused: CP002
"""Passes a time-out on to a generator that catches it."""

class Evil:
    def run(self, other):
        yield from other
