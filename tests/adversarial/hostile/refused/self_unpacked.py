# refused: CP010
"""Assigns self by unpacking."""

class Evil:
    def run(self, other):
        self, x = other, 1
        return self._secret + x
