# refused: CP017
"""A raise without exception, of which compiled code knows none."""

class Evil:
    def run(self, other):
        try:
            other.work()
        except Exception:
            raise
