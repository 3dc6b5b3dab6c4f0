# refused: CP026
"""A clock that each of its clients can write."""

from kernel import Registers
from micropython import const

_COUNTER = const(0x504)


class Clock:
    def __init__(self, registers: Registers) -> None:
        self.now = registers.field(_COUNTER, 0, 24)
