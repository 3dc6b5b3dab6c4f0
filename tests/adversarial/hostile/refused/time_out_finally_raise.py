# refused: CP017
"""Another exception in the time-out's place, which can be caught."""

class Evil:
    def run(self, other):
        try:
            other.work()
        finally:
            raise ValueError(1)
