# refused: CP012
"""A method of TakeCell with a foreign self."""

from cells import TakeCell


class Evil:
    def run(self, other):
        return TakeCell.take(other)
