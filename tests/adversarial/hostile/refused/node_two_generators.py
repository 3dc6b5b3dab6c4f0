# refused: CP002
"""A comprehension within a comprehension's for."""

class Evil:
    def run(self, other):
        return [x for y in [1, 2] for x in [y]]
