# refused: CP002
"""A set, with the operators that sets have."""

class Evil:
    def run(self, other):
        return {1, 2}
