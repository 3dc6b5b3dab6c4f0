# refused: CP005
"""Makes a dict of anything."""

class Evil:
    def run(self, other):
        return dict()
