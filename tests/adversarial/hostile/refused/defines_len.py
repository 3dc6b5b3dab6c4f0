# refused: CP009
"""A length that lies: MicroPython trusts it."""

class Evil:
    def __len__(self):
        return 1000000
