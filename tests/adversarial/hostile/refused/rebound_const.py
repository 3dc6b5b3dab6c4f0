# refused: CP019
"""Another meaning for const."""

from micropython import const


class Evil:
    def run(self, other):
        const = other
        return const
