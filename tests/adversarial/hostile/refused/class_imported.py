# refused: CP012
"""A foreign class's method with a self of one's own."""

from capsules.core.led import LedDriver


class Evil:
    def run(self, other):
        return LedDriver.command(self, 1, 2, 3, other)
