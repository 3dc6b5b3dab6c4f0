# refused: CP002
"""Assigns within an expression, past the analysis of what is assigned."""

class Evil:
    def run(self, other):
        return other.use((x := 1))
