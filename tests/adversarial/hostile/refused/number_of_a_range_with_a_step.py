# refused: CP020
"""The start of a range with a step."""


class Evil:
    def run(self, other):
        for i in range(other, "~", 1):
            return i % (0,)
        return None
