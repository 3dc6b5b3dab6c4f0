# refused: CP006
"""Another loop in C: every number is compared."""

class Evil:
    def run(self, other):
        return other in range(1000000000)
