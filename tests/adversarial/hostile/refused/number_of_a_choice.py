# refused: CP020
"""The smaller of a number and anything."""


class Evil:
    def run(self, other):
        return min(1, other) % (0,)
