# refused: CP006
"""Calls back into Python from min."""

class Evil:
    def run(self, other):
        return min(1, 2, key=other)
