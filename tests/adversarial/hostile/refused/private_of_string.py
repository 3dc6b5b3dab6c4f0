# refused: CP008
"""A private attribute of a built-in object."""

class Evil:
    def run(self, other):
        return ""._asdict()
