# refused: CP002
"""A dict: hashes, growing tables, methods that were not examined."""

class Evil:
    def run(self, other):
        return {1: other}
