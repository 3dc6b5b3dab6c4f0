# refused: CP011
"""Bytes to text, unchecked."""

class Evil:
    def run(self, other):
        return other.decode
