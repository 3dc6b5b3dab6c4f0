# refused: CP019
"""A local under a class's name."""

class Evil:
    def run(self, other):
        Evil = other
        return Evil
