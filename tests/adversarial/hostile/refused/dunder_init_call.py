# refused: CP009
"""Runs one's own constructor again, on another object."""

class Evil:
    def run(self, other):
        self.__init__(other)
