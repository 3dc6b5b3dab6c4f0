# refused: CP020
"""A loop over a range of what another loop counts."""


class Evil:
    def run(self, other):
        for i in range(other, "~"):
            for k in range(i, "~"):
                return k % (0,)
        return None
