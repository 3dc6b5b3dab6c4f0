# refused: CP002
"""An expression for its side effect alone: a field that is read may clear itself."""

class Evil:
    def run(self, other):
        other.data
