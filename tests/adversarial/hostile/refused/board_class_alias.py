# refused: CP012 as board
"""A board that hands a class to a capsule."""

from capsules.core import led

kind = led.LedDriver
