"""What a sensor measures, for user programs: one number. All that ask while a measurement is under way share it.

Driver number 0x60001: relative humidity, in hundredths of a percent
Driver number 0x60002: ambient light, in lux
Driver number 0x60006: sound pressure, in decibels
Driver number 0x60008: air pressure, in hectopascal
Driver number 0x6000A: moisture of the soil, in hundredths of a percent of its volume

Command
    0 exists  -> success
    1 measure -> success, BUSY if this process is waiting for one already, NOMEM, or what the sensor refuses it with
    2 enable  -> success; of 0x60006 alone, whose sensor is always on. Others: NOSUPPORT
    3 disable -> success; the same

Subscribe
    0 measured: (value, status, 0)  status 0, or the sensor's error and a value that is none, -2^31: those who do not look at the
                                    status see that. Of 0x6000A: (status, value, 0)
"""

from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.sensors import Sensor
from capsules.virtual.readings import Readings

DRIVER_NUM = const(0x60001)

LAYOUT = Layout(upcalls=1, u32=1, answers=1, asks=b"\x01\x00")

SWITCHED = const(0)
"""The driver's form: 0x60006."""

PLAIN = const(1)
"""Most of them."""

STATUS_FIRST = const(2)
"""0x6000A."""

# Commands
_EXISTS = const(0)
_MEASURE = const(1)
_ENABLE = const(2)
_DISABLE = const(3)

_NO_VALUE = const(-0x80000000)

_WAITS = const(0)  # 1 from the command to its upcall


class QuantityDriver:
    """Measures when somebody asks."""

    def __init__(self, sensor: Sensor, grant: Grant, form: int) -> None:
        self._ask = Readings(sensor, grant, _WAITS, self._tell).ask
        self._form = form

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _MEASURE:
            return self._ask(process)
        if number == _EXISTS:
            return SUCCESS
        if (number == _ENABLE or number == _DISABLE) and int(self._form) == SWITCHED:
            return SUCCESS
        return ErrorCode.NOSUPPORT

    def _tell(self, entry: Entry, value: int, status: int) -> None:
        if self._form == STATUS_FIRST:
            entry.schedule_upcall(0, status, value, 0)
        else:
            entry.schedule_upcall(0, _NO_VALUE if status else value, status, 0)
