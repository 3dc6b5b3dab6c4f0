# refused: CP016
"""A comprehension's condition that reads what is not assigned."""

class Evil:
    def run(self, other):
        y = [i for i in [1, 2] if x]
        x = 1
        return y
