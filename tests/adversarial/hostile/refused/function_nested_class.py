# refused: CP015
"""A class within a function: a new one with each call."""

class Evil:
    def run(self, other):
        class Inner:
            pass
        return 1
