# refused: CP024
"""A format as wide as the heap."""

class Evil:
    def run(self, other):
        return f"{other:999999999}"
