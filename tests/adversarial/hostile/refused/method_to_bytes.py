# refused: CP011
"""A published overflow: int.to_bytes of a lying length."""

class Evil:
    def run(self, other):
        return other.to_bytes
