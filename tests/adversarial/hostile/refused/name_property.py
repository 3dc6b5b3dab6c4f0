# refused: CP005
"""Code behind an attribute."""

class Evil:
    def run(self, other):
        return property(self.run)
