# refused: CP006
"""int with a base: parses any buffer."""

class Evil:
    def run(self, other):
        return int(other, 36)
