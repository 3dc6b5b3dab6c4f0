# refused: CP011
"""A view of a dict."""

class Evil:
    def run(self, other):
        return other.keys
