"""Pins (driver 0x4, permission "gpio"), numbered as the board lists them: 0 is the first of its list.

A number that the board does not have raises SyscallError INVAL.
"""

PULL_NONE: int
"""An input's level is whatever drives it."""
PULL_UP: int
"""An input that nobody drives reads 1."""
PULL_DOWN: int
"""An input that nobody drives reads 0."""
EITHER: int
"""Any change of the level."""
RISING: int
"""From 0 to 1."""
FALLING: int
"""From 1 to 0."""

def count() -> int:
    """How many pins the board offers."""
    ...

class Pin:
    """One pin; configure it with `output()` or `input()`."""
    number: int
    def __init__(self, number: int) -> None: ...
    def output(self) -> Pin:
        """Drive it; returns the pin itself."""
        ...
    def input(self, pull: int = PULL_NONE) -> Pin:
        """Read it; returns the pin itself."""
        ...
    def set(self) -> None:
        """To 1."""
        ...
    def clear(self) -> None:
        """To 0."""
        ...
    def toggle(self) -> None:
        """To 1 if it is 0, and the other way round."""
        ...
    def read(self) -> int:
        """Its level, 1 or 0."""
        ...
    def release(self) -> None:
        """Neither input nor output: the pin draws no current."""
        ...
    def wait_edge(self, edge: int = EITHER) -> int:
        """Block until the pin changes so; returns its level after it."""
        ...
    async def edge(self, edge: int = EITHER) -> int:
        """For `await`: the same."""
        ...
