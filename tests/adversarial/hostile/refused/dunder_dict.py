# refused: CP009
"""All attributes of an object, to be written."""

class Evil:
    def run(self, other):
        return other.__dict__
