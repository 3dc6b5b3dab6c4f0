# refused: CP006
"""A range object, to be compared or searched later."""

class Evil:
    def run(self, other):
        self.span = range(1000000000)
