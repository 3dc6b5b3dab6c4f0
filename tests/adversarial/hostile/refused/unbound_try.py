# refused: CP016
"""Assigned in a try that may stop before."""

class Evil:
    def run(self, other):
        try:
            other.work()
            x = 1
        except Exception:
            pass
        return x
