# refused: CP014
"""A method that replaces another."""

class Evil:
    def run(self):
        return 1

    def run(self):
        return 2
