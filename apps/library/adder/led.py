"""LEDs (driver 0x2), numbered from 0. A number that the board does not have raises INVAL."""

from syscall import command

_DRIVER = const(0x2)


def count():
    """How many LEDs the board has."""
    return command(_DRIVER, 0)


def on(led=0):
    command(_DRIVER, 1, led)


def off(led=0):
    command(_DRIVER, 2, led)


def toggle(led=0):
    command(_DRIVER, 3, led)


def is_on(led=0):
    return command(_DRIVER, 4, led) == 1
