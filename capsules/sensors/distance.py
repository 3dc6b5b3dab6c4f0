"""The distance to the next thing, for user programs. All that ask while a measurement is under way share it.

Driver number 0x60009 (Tock: doc/syscalls/60009_distance.md).

Command
    0 exists   -> success
    1 measure  -> success, BUSY if this process is waiting for one already, NOMEM, or what the sensor refuses it with
    2 nearest  -> success_u32(the least that it can measure, in millimetres)
    3 farthest -> success_u32(the most)

Subscribe
    0 measured: (status, millimetres, 0)  status 0, or the sensor's error
"""

from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId, success_u32
from micropython import const

from capsules.hil.sensors import DistanceSensor
from capsules.virtual.readings import Readings

DRIVER_NUM = const(0x60009)

LAYOUT = Layout(upcalls=1, u32=1, answers=1, asks=b"\x01\x00")

# Commands
_EXISTS = const(0)
_MEASURE = const(1)
_NEAREST = const(2)
_FARTHEST = const(3)

_WAITS = const(0)  # 1 from the command to its upcall


class DistanceDriver:
    """Measures when somebody asks."""

    def __init__(self, sensor: DistanceSensor, grant: Grant) -> None:
        self._ask = Readings(sensor, grant, _WAITS, self._tell).ask
        self._nearest = sensor.nearest
        self._farthest = sensor.farthest

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _MEASURE:
            return self._ask(process)
        if number == _EXISTS:
            return SUCCESS
        if number == _NEAREST:
            return success_u32(self._nearest())
        if number == _FARTHEST:
            return success_u32(self._farthest())
        return ErrorCode.NOSUPPORT

    def _tell(self, entry: Entry, value: int, status: int) -> None:
        entry.schedule_upcall(0, status, value, 0)
