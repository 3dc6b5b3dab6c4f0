# refused: CP017
"""An exception class that is computed."""

class Evil:
    def run(self, other):
        try:
            other.work()
        except other.kind():
            pass
