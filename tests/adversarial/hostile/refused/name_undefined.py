# refused: CP005
"""A name that a later change may define."""

class Evil:
    def run(self, other):
        return secret
