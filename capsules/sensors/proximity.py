"""How near something is, for user programs: 0, far, to 255, near. All that ask while a measurement is under way share it.

Driver number 0x60005 (Tock: capsules/extra/src/proximity.rs).

Command
    0 exists             -> success
    1 measure            -> success, BUSY if this process is waiting already, NOMEM, or what the sensor refuses it with
    2 wait   lower upper -> success; the upcall comes when less than `lower` or more than `upper` is measured; of both, eight bits
                            count. BUSY, NOMEM; the same

Subscribe
    0 measured: (value, status, 0)  status 0, or the sensor's error and a value that is none, -2^31
"""

from kernel import SUCCESS, CommandReturn, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.sensors import Sensor
from capsules.hil.time import Alarm

DRIVER_NUM = const(0x60005)

LAYOUT = Layout(upcalls=1, u32=3, answers=1, asks=b"\x01\x00\x02\x00")

# Commands
_EXISTS = const(0)
_MEASURE = const(1)
_WAIT = const(2)

_NO_VALUE = const(-0x80000000)

_WAITS = const(0)  # the command, from there to its upcall
_LOWER = const(1)
_UPPER = const(2)

_JUSTIFY = const(8)  # an alarm's frequency is that of its counter shifted left
_LOOKS = const(10)  # a second, while somebody waits


class ProximityDriver:
    """Measures when somebody asks, and again and again while somebody waits."""

    def __init__(self, sensor: Sensor, alarm: Alarm, grant: Grant) -> None:
        self._sensor = sensor
        self._alarm = alarm
        self._pause = (alarm.frequency >> _JUSTIFY) // _LOOKS
        self._grant = grant
        self._slots = grant.SLOTS
        self._measuring = False
        sensor.set_client(self._measured)
        alarm.set_client(self._look)

    def command(self, number: int, lower: int, upper: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number == _MEASURE or number == _WAIT:
            return self._ask(process, number, lower & 0xFF, upper & 0xFF)
        return ErrorCode.NOSUPPORT

    def _ask(self, process: ProcessId, number: int, lower: int, upper: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if entry[_WAITS]:
            return ErrorCode.BUSY
        if not self._measuring:
            status = self._sensor.measure()
            if status:
                return status
            self._measuring = True
        entry[_LOWER] = lower
        entry[_UPPER] = upper
        entry[_WAITS] = number
        return SUCCESS

    def _measured(self, value: int, status: int) -> None:
        self._measuring = False
        left = False
        for slot in range(self._slots):
            entry = self._grant.entry(slot)
            if entry is not None and entry[_WAITS]:
                if entry[_WAITS] == _MEASURE or status or value < entry[_LOWER] or value > entry[_UPPER]:
                    entry[_WAITS] = 0
                    entry.schedule_upcall(0, _NO_VALUE if status else value, status, 0)
                else:
                    left = True
        if left:
            self._alarm.set_alarm(self._pause)

    def _look(self) -> None:
        if self._measuring:
            return
        status = self._sensor.measure()
        self._measuring = True
        if status:
            self._measured(0, status)
