# refused: CP010
"""Lets self run over foreign objects."""

class Evil:
    def run(self, other):
        for self in other.list_all():
            self._secret()
