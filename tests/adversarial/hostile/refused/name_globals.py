# refused: CP005
"""The dict of this module's names."""

class Evil:
    def run(self, other):
        return globals()
