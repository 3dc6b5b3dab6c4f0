# refused: CP012
"""A class as an attribute of self."""

class Evil:
    def run(self, other):
        self.c = Evil
