# refused: CP007
"""Assigns an attribute of what a call returns."""

class Evil:
    def run(self, other):
        other.record().ready = 1
