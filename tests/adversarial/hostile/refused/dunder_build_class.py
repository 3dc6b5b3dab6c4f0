# refused: CP009
"""The function behind class."""

class Evil:
    def run(self, other):
        return __build_class__(self.run, 'x')
