# refused: CP016
"""No else."""

class Evil:
    def run(self, other):
        if other.ready():
            x = 1
        elif other.busy():
            x = 2
        return x
