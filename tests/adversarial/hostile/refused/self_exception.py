# refused: CP010
"""Makes an exception self."""

class Evil:
    def run(self, other):
        try:
            other.work()
        except Exception as self:
            pass
