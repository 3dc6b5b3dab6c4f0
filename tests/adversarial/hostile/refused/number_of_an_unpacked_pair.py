# refused: CP020
"""One of a pair."""


class Evil:
    def run(self, other):
        n, m = other
        return [n] * m
