# refused: CP014
"""A decorator gets the class and returns what it likes."""

def swap(c):
    return c


@swap
class Evil:
    def run(self):
        return 1
