# refused: CP005
"""Looks up a method in a foreign class."""

class Evil:
    def run(self, other):
        return super(other, other).run()
