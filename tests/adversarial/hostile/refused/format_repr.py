# refused: CP020
"""A format that shows what an object is made of."""

class Evil:
    def run(self, other):
        return "%r" % other
