# refused: CP011
"""Text that names attributes: '{0._secret}'."""

class Evil:
    def run(self, other):
        return other.format
