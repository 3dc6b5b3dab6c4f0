# refused: CP008
"""A private attribute of another object of the same class."""

class Evil:
    def run(self, other):
        self._key = 1
        return other._key
