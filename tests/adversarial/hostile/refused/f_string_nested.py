# refused: CP024
"""A format within a format."""

class Evil:
    def run(self, other):
        return f"{other:{other}}"
