# refused: CP009
"""Changes one's own class."""

class Evil:
    def run(self, other):
        self.__class__ = other
