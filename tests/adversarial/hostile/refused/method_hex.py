# refused: CP011
"""Bytes as text."""

class Evil:
    def run(self, other):
        return other.hex
