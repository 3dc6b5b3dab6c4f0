# refused: CP024
"""An f-string joined to another string."""

class Evil:
    def run(self, other):
        return "a" f"{other}"
