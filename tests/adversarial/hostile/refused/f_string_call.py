# refused: CP024
"""A call within an f-string."""

class Evil:
    def run(self, other):
        return f"{other.run()}"
