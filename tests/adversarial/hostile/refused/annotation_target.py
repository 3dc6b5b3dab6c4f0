# refused: CP023
"""Parentheses around what is assigned: one stays when the annotation is cut out."""

class Evil:
    def run(self, other):
        (self.x): int = other
