"""How much rain has fallen, for user programs. All that ask for the same while a measurement is under way share it.

Driver number 0x6000B (Tock: capsules/extra/src/rainfall.rs).

Command
    0 exists        -> success
    1 measure hours -> success, INVAL unless hours is 1 to 24, BUSY if this process is waiting for one already, or another number of
                       hours is being looked up; NOMEM, or what the sensor refuses it with

Subscribe
    0 measured: (status, micrometres, 0)  status 0, or the sensor's error
"""

from kernel import SUCCESS, CommandReturn, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.sensors import RainfallSensor

DRIVER_NUM = const(0x6000B)

LAYOUT = Layout(upcalls=1, u32=1, answers=1, asks=b"\x01\x00")

# Commands
_EXISTS = const(0)
_MEASURE = const(1)

_WAITS = const(0)  # 1 from the command to its upcall

_MOST_HOURS = const(24)


class RainfallDriver:
    """Measures when somebody asks."""

    def __init__(self, sensor: RainfallSensor, grant: Grant) -> None:
        self._sensor = sensor
        self._grant = grant
        self._slots = grant.SLOTS
        self._hours = 0  # that are being looked up
        sensor.set_client(self._measured)

    def command(self, number: int, hours: int, _: int, process: ProcessId) -> "CommandReturn | int":
        if number == _MEASURE:
            return self._ask(process, hours)
        return SUCCESS if number == _EXISTS else ErrorCode.NOSUPPORT

    def _ask(self, process: ProcessId, hours: int) -> "CommandReturn | int":
        if hours < 1 or hours > _MOST_HOURS:
            return ErrorCode.INVAL
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if entry[_WAITS] or (self._hours and self._hours != hours):
            return ErrorCode.BUSY
        if not self._hours:
            status = self._sensor.measure(hours)
            if status:
                return status
            self._hours = hours
        entry[_WAITS] = 1
        return SUCCESS

    def _measured(self, value: int, status: int) -> None:
        self._hours = 0
        for slot in range(self._slots):
            entry = self._grant.entry(slot)
            if entry is not None and entry[_WAITS]:
                entry[_WAITS] = 0
                entry.schedule_upcall(0, status, value, 0)
