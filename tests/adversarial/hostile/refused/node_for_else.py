# refused: CP002
"""An else that belongs to a loop, compiled differently by the emitters."""

class Evil:
    def run(self, other):
        for x in [1, 2]:
            other.use(x)
        else:
            other.use(0)
