# refused: CP007
"""Replaces a method for all instances."""

from capsules.core.led import LedDriver


def patch(other):
    LedDriver.command = other
