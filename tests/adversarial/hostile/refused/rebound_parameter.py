# refused: CP019
"""A parameter under a built-in's name."""

class Evil:
    def run(self, int):
        return int(1)
