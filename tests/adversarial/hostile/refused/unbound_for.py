# refused: CP016
"""A loop's variable after a loop that may not run."""

class Evil:
    def run(self, other):
        for x in []:
            pass
        return x
