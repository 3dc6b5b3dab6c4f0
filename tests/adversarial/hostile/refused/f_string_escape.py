# refused: CP024
"""An escape that makes a brace."""

class Evil:
    def run(self, other):
        return f"\x7bother\x7d"
