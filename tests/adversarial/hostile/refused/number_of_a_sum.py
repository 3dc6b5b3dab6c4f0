# refused: CP020
"""A sum with something that may be anything."""


class Evil:
    def run(self, other):
        total = 1
        total += other
        return total % (0,)
