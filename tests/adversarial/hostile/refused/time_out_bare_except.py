# refused: CP017
"""Catches the time-out, and everything."""

class Evil:
    def run(self, other):
        try:
            other.work()
        except:
            pass
