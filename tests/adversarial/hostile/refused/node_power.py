# refused: CP002
"""A power: a number that fills the heap, computed in C without end."""

class Evil:
    def run(self, other):
        return 9 ** 9 ** 9
