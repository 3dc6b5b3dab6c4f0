# refused: CP025 as board
"""The mint, handed to a capsule."""

import mint

from capsules.core.led import LedDriver

LedDriver(mint)
