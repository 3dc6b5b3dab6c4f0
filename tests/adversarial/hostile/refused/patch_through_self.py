# refused: CP007
"""Assigns an attribute of what self holds."""

class Evil:
    def run(self, other):
        self.victim = other
        self.victim.ready = 1
