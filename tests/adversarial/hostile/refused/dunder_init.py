# refused: CP009
"""Runs another object's constructor again."""

class Evil:
    def run(self, other):
        return other.__init__
