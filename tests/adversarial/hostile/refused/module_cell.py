# refused: CP013
"""A cell of the module: a hidden channel."""

from cells import TakeCell

CELL = TakeCell()
