# refused: CP024
"""A conversion within an f-string."""

class Evil:
    def run(self, other):
        return f"{other!r}"
