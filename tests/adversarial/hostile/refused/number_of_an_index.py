# refused: CP020
"""An element, by its index."""


class Evil:
    def run(self, other):
        return other[0] % (0,)
