# refused: CP011
"""Gives self an attribute that passes for a built-in type's."""

class Evil:
    def run(self, other):
        self.format = other
