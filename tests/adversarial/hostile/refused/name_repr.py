# refused: CP005
"""An object as text, with its address."""

class Evil:
    def run(self, other):
        return repr(other)
