"""The LEDs of the MPS2 board's FPGA I/O block: Arm Application Note 386, table 3-7."""

from kernel import Registers
from micropython import const

_FPGAIO_LED0 = const(0x000)


class FpgaLed:
    """A HIL Led."""

    def __init__(self, registers: Registers, index: int) -> None:
        bit = registers.field(_FPGAIO_LED0, index, 1)
        self.on = bit.set
        self.off = bit.clear
        self.toggle = bit.toggle
        self.is_on = bit.read
