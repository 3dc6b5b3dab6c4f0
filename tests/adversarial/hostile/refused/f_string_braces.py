# refused: CP024
"""Doubled braces."""

class Evil:
    def run(self, other):
        return f"{{{other}}}"
