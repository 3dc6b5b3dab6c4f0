# refused: CP017
"""A return in finally: the time-out is forgotten."""

class Evil:
    def run(self, other):
        try:
            other.work()
        finally:
            return 1
