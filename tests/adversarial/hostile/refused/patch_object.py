# refused: CP007
"""Replaces a method of an LED."""

class Evil:
    def run(self, other):
        other.on = self.run
