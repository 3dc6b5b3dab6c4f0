# refused: CP014
"""Inherits, and so reaches what the base keeps to itself."""

from capsules.core.led import LedDriver


class Evil(LedDriver):
    def run(self):
        return self._on
