# refused: CP017
"""Catches the time-out among others."""

class Evil:
    def run(self, other):
        try:
            other.work()
        except (ValueError, BaseException):
            pass
