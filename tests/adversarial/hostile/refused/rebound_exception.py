# refused: CP019
"""Another meaning for Exception."""

class Evil:
    def run(self, other):
        Exception = other
        return 1
