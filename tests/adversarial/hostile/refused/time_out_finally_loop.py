# refused: CP017
"""A loop that begins when the time is over."""

class Evil:
    def run(self, other):
        while True:
            try:
                other.work()
            finally:
                continue
