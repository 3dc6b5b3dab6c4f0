# refused: CP010
"""Lets self run over foreign objects within a comprehension."""

class Evil:
    def run(self, other):
        return [self._secret for self in other.list_all()]
