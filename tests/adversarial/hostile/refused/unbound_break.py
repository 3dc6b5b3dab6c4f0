# refused: CP016
"""Left by a break before it is assigned."""

class Evil:
    def run(self, other):
        while True:
            if other.ready():
                break
            x = 1
        return x
