# refused: CP001
"""A backslash at a line's end, which joins lines in one parser sooner than in the other."""

class Evil:
    def run(self, other):
        x = 1 + \
            2
        return x
