# refused: CP010
"""A method without parameters: a function within a class."""

class Evil:
    def run():
        return 1
