# refused: CP005
"""An object to start from."""

class Evil:
    def run(self, other):
        return object()
