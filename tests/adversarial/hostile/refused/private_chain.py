# refused: CP008
"""A private attribute of what self holds."""

class Evil:
    def run(self, other):
        self._led = other
        return self._led._registers
