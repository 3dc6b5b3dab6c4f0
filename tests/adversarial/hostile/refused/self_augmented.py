# refused: CP010
"""Assigns self with an operator."""

class Evil:
    def run(self, other):
        self += other
