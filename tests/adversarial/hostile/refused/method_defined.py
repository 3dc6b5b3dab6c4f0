# refused: CP011
"""An object that passes for a file or generator."""

class Evil:
    def send(self, x):
        return x
