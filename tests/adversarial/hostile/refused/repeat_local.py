# refused: CP020
"""A local that is a number on one path and a list on the other."""

class Evil:
    def run(self, other):
        x = 1
        if other.ready():
            x = [1]
        return x * 0x40000001
