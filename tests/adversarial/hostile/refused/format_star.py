# refused: CP020
"""A format whose width is an argument."""

class Evil:
    def run(self, other):
        return "%*d" % (999999999, 1)
