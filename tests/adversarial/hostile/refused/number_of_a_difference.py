# refused: CP020
"""A difference of two of which nothing is known."""


class Evil:
    def run(self, other):
        return (other - self) % (0,)
