# refused: CP005
"""Waits for the console."""

class Evil:
    def run(self, other):
        return input()
