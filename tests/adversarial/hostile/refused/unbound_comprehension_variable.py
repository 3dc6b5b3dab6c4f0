# refused: CP016
"""A comprehension's variable, which is another than the local."""

class Evil:
    def run(self, other):
        y = [x for x in [1, 2]]
        other.use(x)
        x = y
