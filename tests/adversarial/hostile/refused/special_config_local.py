# refused: CP019
"""A local that passes for the options."""

class Evil:
    def run(self, other):
        config = other
        return config.SIZE * 0x40000001
