# refused: CP002
"""Makes a module's constant a shared variable."""

LIMIT = 1


class Evil:
    def run(self, other):
        global LIMIT
        return 1
