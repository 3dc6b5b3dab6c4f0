"""What shares an I2C bus: user programs, and the drivers of the chips that a board may have on it."""

from cells import Buffer
from kernel import Grant
from micropython import const

import config
from capsules.virtual.virtual_i2c import I2cMux

if config.CAPSULE_I2C:
    from capsules.core.i2c import I2cDriver
if config.CAPSULE_DATE_TIME:
    from capsules.core.date_time import DateTimeDriver
    from capsules.drivers.chips.ds1338 import Ds1338
if config.SHT4X:
    from capsules.drivers.chips.sht4x import Sht4x
    from capsules.hil.time import Alarm
    from capsules.sensors.quantity import PLAIN, QuantityDriver
if config.TMP105:
    from capsules.drivers.chips.tmp105 import Tmp105

_LONGEST = const(64)  # bytes of a program's transfer
_DS1338 = const(0x68)
_DS1338_BYTES = const(8)
_SHT4X = const(0x44)
_SHT4X_BYTES = const(6)
_TMP105 = const(0x48)
_TMP105_BYTES = const(2)


def i2c_for_programs(bus: I2cMux, grant: Grant) -> "I2cDriver":
    """The capsule that serves the bus to user programs."""
    return I2cDriver(bus.new_device(), grant, Buffer(_LONGEST), Buffer(_LONGEST))


def date_time(bus: I2cMux, grant: Grant) -> "DateTimeDriver":
    """The capsule that serves the date and time of a DS1338."""
    return DateTimeDriver(Ds1338(bus.new_device(_DS1338), Buffer(_DS1338_BYTES)), grant)


def sht4x(bus: I2cMux, alarm: "Alarm") -> "Sht4x":
    """An SHT40, SHT41 or SHT45 of the kind with this address."""
    return Sht4x(bus.new_device(_SHT4X), _SHT4X, alarm, Buffer(_SHT4X_BYTES))


def humidity(sensor: "Sht4x", grant: Grant) -> "QuantityDriver":
    """The capsule that serves what it measures."""
    return QuantityDriver(sensor, grant, PLAIN)


def thermometer(bus: I2cMux) -> "Tmp105":
    """A TMP105 whose address pins are low."""
    return Tmp105(bus.new_device(_TMP105), _TMP105, Buffer(_TMP105_BYTES))
