# refused: CP020
"""A format as the start of a range, which a loop never looks at."""


class Evil:
    def __init__(self):
        self._format = "%.2147483643e"

    def run(self, other):
        for i in range(self._format, "~"):
            return i % (0,)
        return None
