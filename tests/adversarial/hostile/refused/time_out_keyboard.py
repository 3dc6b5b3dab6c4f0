# refused: CP017
"""The interrupt from the console."""

class Evil:
    def run(self, other):
        try:
            other.work()
        except KeyboardInterrupt:
            pass
