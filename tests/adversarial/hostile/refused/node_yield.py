# refused: CP002
"""A generator: its frame lives on, and `throw` reaches into it."""

class Evil:
    def run(self, other):
        yield other
