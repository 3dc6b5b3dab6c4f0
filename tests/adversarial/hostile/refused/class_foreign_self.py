# refused: CP012
"""Calls one's own method with a foreign self."""

class Evil:
    def run(self, other):
        return Evil.peek(other)

    def peek(self):
        return self._secret
