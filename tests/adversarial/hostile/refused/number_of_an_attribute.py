# refused: CP020
"""An attribute that looks like a number."""


class Evil:
    def __init__(self, size: int):
        self.size = size

    def run(self, other):
        return [other] * self.size
