# refused: CP010
"""Makes a foreign object self, then reads its private attributes."""

class Evil:
    def run(self, other):
        self = other
        return self._secret
