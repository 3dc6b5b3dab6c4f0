# refused: CP005
"""Calls from a loop in C."""

class Evil:
    def run(self, other):
        return map(self.run, other)
