# refused: CP024
"""An f-string that shows its own source."""

class Evil:
    def run(self, other):
        return f"{other=}"
