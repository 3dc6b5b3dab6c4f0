# refused: CP008
"""Reads what another object keeps to itself."""

class Evil:
    def run(self, other):
        return other._registers
