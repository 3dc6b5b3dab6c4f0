# refused: CP025 as board
"""A function of the mint, handed to a capsule."""

import mint

from capsules.core.led import LedDriver

LedDriver(mint.registers)
