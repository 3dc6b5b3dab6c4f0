# refused: CP014
"""An exception that nobody's handler catches."""

class Evil(BaseException):
    def run(self):
        return 1
