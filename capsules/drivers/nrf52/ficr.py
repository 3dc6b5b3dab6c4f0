"""What the factory has written: nRF52840 Product Specification v1.7, 4.4 "FICR". The window begins with DEVICEID[0]."""

from kernel import Registers
from micropython import const

_DEVICEID_0 = const(0x00)
_DEVICEID_1 = const(0x04)


class Ficr:
    """A HIL Identity: the device's random number of 64 bits."""

    def __init__(self, registers: Registers) -> None:
        self._read = registers.read
        self._low = 0
        self._high = 0

    def start(self) -> None:
        self._low = self._read(_DEVICEID_0)
        self._high = self._read(_DEVICEID_1)

    def low(self) -> int:
        return self._low

    def high(self) -> int:
        return self._high
