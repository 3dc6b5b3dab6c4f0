# refused: CP017
"""Catches the time-out."""

class Evil:
    def run(self, other):
        try:
            other.work()
        except BaseException:
            pass
