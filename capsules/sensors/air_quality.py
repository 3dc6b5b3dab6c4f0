"""The air, for user programs. All that ask while a measurement is under way share it.

Driver number 0x60007 (Tock: capsules/extra/src/air_quality.rs).

Command
    0 exists       -> success
    2 measure CO2  -> success, BUSY if this process is waiting for one already, NOMEM, or what the sensor refuses it with
    3 measure TVOC -> success, the same

Subscribe
    0 measured: (value, status, 0)  CO2 in parts of a million, organic compounds in parts of a billion. status 0, or the sensor's error
                                    and a value that is none, -2^31
"""

from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.sensors import Sensor
from capsules.virtual.readings import Readings

DRIVER_NUM = const(0x60007)

LAYOUT = Layout(upcalls=1, u32=2, answers=2, asks=b"\x02\x00\x03\x00")

# Commands
_EXISTS = const(0)
_MEASURE_CO2 = const(2)
_MEASURE_TVOC = const(3)

_NO_VALUE = const(-0x80000000)

_WAITS_FOR_CO2 = const(0)  # 1 from the command to its upcall
_WAITS_FOR_TVOC = const(1)


class AirQualityDriver:
    """Measures when somebody asks, each by a sensor of its own."""

    def __init__(self, co2: Sensor, tvoc: Sensor, grant: Grant) -> None:
        self._ask_for_co2 = Readings(co2, grant, _WAITS_FOR_CO2, self._tell).ask
        self._ask_for_tvoc = Readings(tvoc, grant, _WAITS_FOR_TVOC, self._tell).ask

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number == _MEASURE_CO2:
            return self._ask_for_co2(process)
        if number == _MEASURE_TVOC:
            return self._ask_for_tvoc(process)
        return ErrorCode.NOSUPPORT

    def _tell(self, entry: Entry, value: int, status: int) -> None:
        entry.schedule_upcall(0, _NO_VALUE if status else value, status, 0)
