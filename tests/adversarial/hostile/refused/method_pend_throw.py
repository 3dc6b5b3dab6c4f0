# refused: CP011
"""Makes a generator raise later."""

class Evil:
    def run(self, other):
        return other.pend_throw
