"""What shares an SPI bus: user programs, with one chip."""

from cells import Buffer
from kernel import Grant
from micropython import const

from capsules.core.spi import SpiDriver
from capsules.hil.spi import ChipSelect
from capsules.virtual.virtual_spi import SpiMux

_AT_ONCE = const(64)  # bytes of a program's transfer


def spi_for_programs(bus: SpiMux, chip: ChipSelect, grant: Grant) -> SpiDriver:
    """The capsule that serves the bus to user programs, which select this chip."""
    return SpiDriver(bus.new_device(chip, may_hold=True), grant, Buffer(_AT_ONCE), Buffer(_AT_ONCE))
