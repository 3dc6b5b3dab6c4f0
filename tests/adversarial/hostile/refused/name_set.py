# refused: CP005
"""Makes a set of anything."""

class Evil:
    def run(self, other):
        return set()
