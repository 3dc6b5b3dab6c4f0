# refused: CP016
"""Assigned in the handler alone."""

class Evil:
    def run(self, other):
        try:
            other.work()
        except Exception:
            x = 1
        return x
