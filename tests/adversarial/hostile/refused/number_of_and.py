# refused: CP020
"""`and` gives one of its operands."""


class Evil:
    def run(self, other):
        return (1 and other) % (0,)
