# refused: CP027
"""A driver that reads a register when it is made: at the build, not on the board."""

from kernel import Registers
from micropython import const

_REASON = const(0x400)


class Driver:
    def __init__(self, registers: Registers) -> None:
        self._reason = registers.read(_REASON)
