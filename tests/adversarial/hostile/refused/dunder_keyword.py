# refused: CP009
"""An interpreter's name as a keyword."""

class Evil:
    def run(self, other):
        other.start(__class__=self)
