# refused: CP016
"""Assigned on one of two paths."""

class Evil:
    def run(self, other):
        if other.ready():
            x = 1
        x.run()
