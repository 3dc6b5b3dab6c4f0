# refused: CP009
"""A name that Python mangles and MicroPython does not."""

class Evil:
    def run(self, other):
        self.__secret = other
