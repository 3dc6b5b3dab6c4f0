# refused: CP005
"""Tells what can be called."""

class Evil:
    def run(self, other):
        return callable(other)
