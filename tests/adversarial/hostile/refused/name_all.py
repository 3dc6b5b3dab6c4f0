# refused: CP005
"""A loop in C over anything."""

class Evil:
    def run(self, other):
        return all(other)
