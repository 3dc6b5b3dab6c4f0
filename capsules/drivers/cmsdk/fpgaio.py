"""The LEDs and control lines of the MPS2 board's FPGA I/O block: Arm Application Note 386, table 3-7."""

from kernel import Registers
from micropython import const

_FPGAIO_LED0 = const(0x000)
_FPGAIO_MISC = const(0x04C)

SHIELD_1_CHIP_SELECT = const(9)
"""Bit of MISC: SHIELD_1_SPI_nCS."""


class FpgaLed:
    """A HIL Led."""

    def __init__(self, registers: Registers, index: int) -> None:
        bit = registers.field(_FPGAIO_LED0, index, 1)
        self.on = bit.set
        self.off = bit.clear
        self.toggle = bit.toggle
        self.is_on = bit.read


class FpgaLine:
    """A HIL ChipSelect: a line that is always an output. `index` is its bit of MISC."""

    def __init__(self, registers: Registers, index: int) -> None:
        self._bit = registers.field(_FPGAIO_MISC, index, 1)

    def set(self) -> None:
        self._bit(1)

    def clear(self) -> None:
        self._bit(0)

    def make_output(self) -> None:
        """It is one."""
