# refused: CP020
"""The same in a comprehension."""


class Evil:
    def run(self, other):
        return [i % (0,) for i in range(other, "~")]
