# refused: CP002
"""An operator that only strange types have."""

class Evil:
    def run(self, other):
        return other @ other
