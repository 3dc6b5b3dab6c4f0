# refused: CP007
"""A for that assigns an attribute of self: not a local, so not followed."""

class Evil:
    def run(self, other):
        for self.x in [1, 2]:
            pass
