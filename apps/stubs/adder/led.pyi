"""LEDs (driver 0x2, permission "led"), numbered from 0. A number that the board does not have raises SyscallError INVAL."""


def count() -> int:
    """How many LEDs the board has."""
    ...

def on(led: int = 0, /) -> None:
    """Switch it on."""
    ...

def off(led: int = 0, /) -> None:
    """Switch it off."""
    ...

def toggle(led: int = 0, /) -> None:
    """On if it is off, and the other way round."""
    ...

def is_on(led: int = 0) -> bool:
    """Whether it is on."""
    ...
