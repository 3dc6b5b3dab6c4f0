# refused: CP009
"""The frames of an exception."""

class Evil:
    def run(self, other):
        return other.__traceback__
