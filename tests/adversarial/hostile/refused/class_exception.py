# refused: CP014
"""An exception of one's own, with code that runs when it is caught."""

class Evil(Exception):
    def run(self):
        return 1
