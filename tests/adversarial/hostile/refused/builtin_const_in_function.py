# refused: CP006
"""const where the compiler does not fold it."""

from micropython import const


class Evil:
    def run(self, other):
        return const(1)
