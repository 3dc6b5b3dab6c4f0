# refused: CP017
"""Raises what another object gives."""

class Evil:
    def run(self, other):
        raise other.error()
