# refused: CP017
"""An exception class that somebody else holds."""

class Evil:
    def run(self, other):
        try:
            other.work()
        except other.TimeOut:
            pass
