# refused: CP011
"""Merges a dict."""

class Evil:
    def run(self, other):
        return other.update
