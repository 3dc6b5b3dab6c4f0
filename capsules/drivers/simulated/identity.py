"""A number for a board that is none: all of them have the same."""

from micropython import const

_LOW = const(0x00000001)
_HIGH = const(0x02ADDE00)  # locally administered


class SimulatedIdentity:
    """A HIL Identity."""

    def low(self) -> int:
        return _LOW

    def high(self) -> int:
        return _HIGH
