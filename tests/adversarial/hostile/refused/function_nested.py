# refused: CP015
"""A function within a function: a closure that keeps its variables."""

class Evil:
    def run(self, other):
        def inner():
            return other
        return 1
