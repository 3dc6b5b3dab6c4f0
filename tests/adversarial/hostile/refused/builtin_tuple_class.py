# refused: CP006
"""A method of the class of tuples."""

class Evil:
    def run(self, other):
        return tuple.count_all(other)
