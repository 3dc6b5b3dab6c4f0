# refused: CP016
"""Assigned in a loop that may not run."""

class Evil:
    def run(self, other):
        while other.ready():
            x = 1
        return x
