"""Temperature for user programs. All that ask while a measurement is under way share it.

Driver number 0x60000 (Tock: capsules/extra/src/temperature.rs).

Command
    0 exists  -> success
    1 measure -> success, BUSY if this process is waiting for one already, NOMEM, or what the sensor refuses it with

Subscribe
    0 measured: (hundredths of a degree Celsius, signed; status, 0)  status 0, or the sensor's error and a value that is
                none, -2^31: those who do not look at the status see that
"""

from kernel import SUCCESS, CommandReturn, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.sensors import TemperatureSensor

DRIVER_NUM = const(0x60000)

LAYOUT = Layout(upcalls=1, u32=1, answers=1, asks=b"\x01\x00")

# Commands
_EXISTS = const(0)
_MEASURE = const(1)

_NO_VALUE = const(-0x80000000)

_WAITING = const(0)  # 1 from the command to its upcall


class TemperatureDriver:
    """Measures when somebody asks."""

    def __init__(self, sensor: TemperatureSensor, grant: Grant) -> None:
        self._sensor = sensor
        self._grant = grant
        self._waiting = 0  # who waits, one bit a process slot
        self._measuring = False
        sensor.set_client(self._measured)

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number != _MEASURE:
            return ErrorCode.NOSUPPORT
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if entry[_WAITING]:
            return ErrorCode.BUSY
        if not self._measuring:
            status = self._sensor.measure()
            if status:
                return status
            self._measuring = True
        self._waiting |= 1 << process.slot
        entry[_WAITING] = 1
        return SUCCESS

    def _measured(self, centidegrees: int, status: int) -> None:
        self._measuring = False
        value = centidegrees if status == 0 else _NO_VALUE
        waiting = self._waiting
        slot = 0
        while waiting:
            if waiting & 1:
                entry = self._grant.entry(slot)
                if entry is not None and entry[_WAITING]:  # it may have ended
                    entry[_WAITING] = 0
                    entry.schedule_upcall(0, value, status, 0)
            waiting >>= 1
            slot += 1
        self._waiting = 0  # last: should this be cut short, the next measurement is theirs, too
