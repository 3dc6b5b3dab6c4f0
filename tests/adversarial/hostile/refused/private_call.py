# refused: CP008
"""Calls what another object keeps to itself."""

class Evil:
    def run(self, other):
        other._fill()
