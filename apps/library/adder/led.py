"""LEDs (driver 0x2, permission "led"), numbered from 0. A number that the board does not have raises SyscallError INVAL."""

from syscall import command

_DRIVER = const(0x2)


def count() -> int:
    """How many LEDs the board has."""
    return command(_DRIVER, 0)


def on(led: int = 0) -> None:
    """Switch it on."""
    command(_DRIVER, 1, led)


def off(led: int = 0) -> None:
    """Switch it off."""
    command(_DRIVER, 2, led)


def toggle(led: int = 0) -> None:
    """On if it is off, and the other way round."""
    command(_DRIVER, 3, led)


def is_on(led: int = 0) -> bool:
    """Whether it is on."""
    return command(_DRIVER, 4, led) == 1
