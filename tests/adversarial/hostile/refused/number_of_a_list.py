# refused: CP020
"""An element of a list."""


class Evil:
    def run(self, other):
        for i in [0, other]:
            return i % (0,)
        return None
