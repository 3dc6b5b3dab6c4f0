# refused: CP002
"""Passes keywords that nobody has looked at."""

class Evil:
    def run(self, other):
        other.start(**other.options)
