# refused: CP002
"""An assert, which vanishes when the compiler optimises."""

class Evil:
    def run(self, other):
        assert other.ready()
        return 1
