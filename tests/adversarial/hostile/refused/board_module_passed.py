# refused: CP025 as board
"""A whole module, handed to a capsule."""

from capsules.core import led

led.LedDriver(led)
