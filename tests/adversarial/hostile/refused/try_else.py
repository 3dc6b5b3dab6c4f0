# refused: CP017
"""An else after the handlers."""

class Evil:
    def run(self, other):
        try:
            other.work()
        except Exception:
            x = 1
        else:
            x = 2
        return x
