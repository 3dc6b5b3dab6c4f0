# refused: CP020
"""A format as wide as the heap."""

class Evil:
    def run(self, other):
        return "%999999999d" % 1
