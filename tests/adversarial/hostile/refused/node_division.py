# refused: CP002
"""A division makes a float, which the kernel does not have."""

class Evil:
    def run(self, other):
        return other.size() / 2
