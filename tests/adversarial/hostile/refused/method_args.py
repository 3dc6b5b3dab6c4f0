# refused: CP011
"""The arguments of an exception, with what they refer to."""

class Evil:
    def run(self, other):
        return other.args
