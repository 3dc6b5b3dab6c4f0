# refused: CP005
"""The dict of the locals."""

class Evil:
    def run(self, other):
        return locals()
