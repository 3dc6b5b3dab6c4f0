"""The LEDs of the MPS2 board's FPGA I/O block: Arm Application Note 386, table 3-7."""

from kernel import Registers
from micropython import const

_FPGAIO_LED0 = const(0x000)


class FpgaLed:
    """A HIL Led."""

    def __init__(self, registers: Registers, index: int) -> None:
        self._bit = registers.field(_FPGAIO_LED0, index, 1)
        self.is_on = self._bit

    def on(self) -> None:
        self._bit(1)

    def off(self) -> None:
        self._bit(0)

    def toggle(self) -> None:
        self._bit(not self._bit())
