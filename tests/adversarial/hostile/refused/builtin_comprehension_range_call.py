# refused: CP006
"""A range inside of a comprehension's result."""

class Evil:
    def run(self, other):
        return [max(range(1000000000)) for x in [1]]
