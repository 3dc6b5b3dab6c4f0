# refused: CP012
"""An interface as a value."""

from capsules.hil.led import Led


class Evil:
    def run(self, other):
        return Led(other)
