# refused: CP007
"""Keeps shared state in a class."""

class Evil:
    def run(self):
        Evil.shared = 1
