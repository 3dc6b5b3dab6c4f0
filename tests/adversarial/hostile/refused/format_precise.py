# refused: CP020
"""A precision that MicroPython adds 6 to."""


class Evil:
    def run(self, other):
        return "%.2147483643s" % other
