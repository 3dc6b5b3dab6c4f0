# refused: CP008 as board
"""A board that reaches into a capsule."""

from capsules.core.led import LedDriver

led = LedDriver(())
secret = led._on
