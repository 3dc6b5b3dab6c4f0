"""Temperature for user programs. All that ask while a measurement is under way share it.

Driver number 0x60000 (Tock: capsules/extra/src/temperature.rs).

Command
    0 exists  -> success
    1 measure -> success, BUSY if this process is waiting for one already, NOMEM, or what the sensor refuses it with

Subscribe
    0 measured: (hundredths of a degree Celsius, signed; status, 0)  status 0, or the sensor's error and a value that is
                none, -2^31: those who do not look at the status see that
"""

from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.sensors import TemperatureSensor
from capsules.virtual.readings import Readings

DRIVER_NUM = const(0x60000)

LAYOUT = Layout(upcalls=1, u32=1, answers=1, asks=b"\x01\x00")

# Commands
_EXISTS = const(0)
_MEASURE = const(1)

_NO_VALUE = const(-0x80000000)

_WAITS = const(0)  # 1 from the command to its upcall


class TemperatureDriver:
    """Measures when somebody asks."""

    def __init__(self, sensor: TemperatureSensor, grant: Grant) -> None:
        self._ask = Readings(sensor, grant, _WAITS, self._tell).ask

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _MEASURE:
            return self._ask(process)
        if number == _EXISTS:
            return SUCCESS
        return ErrorCode.NOSUPPORT

    def _tell(self, entry: Entry, value: int, status: int) -> None:
        entry.schedule_upcall(0, _NO_VALUE if status else value, status, 0)
