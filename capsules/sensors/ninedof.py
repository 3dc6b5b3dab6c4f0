"""Acceleration, rotation and magnetic field, for user programs. All that ask for the same share a measurement.

Driver number 0x60004 (Tock: capsules/extra/src/ninedof.rs).

Command
    0   exists               -> success
    1   measure acceleration -> success, NODEVICE if there is no such sensor, BUSY if this process is waiting for something already,
                                NOMEM, or what the sensor refuses it with
    100 measure field        -> success, the same
    200 measure rotation     -> success, the same

Subscribe
    0 measured: (x, y, z)  signed: thousandths of the earth's acceleration, microtesla, thousandths of a degree a second. All -2^31 if
                           the sensor has failed
"""

from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.sensors import NineAxis
from capsules.parts.process_queue import ProcessQueue

DRIVER_NUM = const(0x60004)

LAYOUT = Layout(upcalls=1, u32=1, answers=1, asks=b"\x01\x00\x64\x00\xc8\x00")

# Commands
_EXISTS = const(0)
_ACCELERATION = const(1)
_FIELD = const(100)
_ROTATION = const(200)

_NO_VALUE = const(-0x80000000)

_WAITS = const(0)  # for what, as the HIL counts it

_ACCELERATION_IN_HIL = const(1)
_FIELD_IN_HIL = const(2)
_ROTATION_IN_HIL = const(3)


class NinedofDriver:
    """Measures one thing after the other, for who has waited longest."""

    def __init__(self, sensor: NineAxis, grant: Grant) -> None:
        self._sensor = sensor
        self._grant = grant
        self._slots = grant.SLOTS
        self._queue = ProcessQueue(grant, _WAITS, self._begin, self._refuse)
        self._measuring = 0  # what
        sensor.set_client(self._measured, self._failed)

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number == _ACCELERATION:
            return self._ask(process, _ACCELERATION_IN_HIL)
        if number == _FIELD:
            return self._ask(process, _FIELD_IN_HIL)
        if number == _ROTATION:
            return self._ask(process, _ROTATION_IN_HIL)
        return ErrorCode.NOSUPPORT

    def _ask(self, process: ProcessId, which: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if entry[_WAITS]:
            return ErrorCode.BUSY
        status = self._queue.ask(entry, process.slot, which)
        return status if status else SUCCESS

    def _begin(self, entry: Entry, which: int) -> int:
        self._measuring = which
        return self._sensor.measure(which)

    def _refuse(self, entry: Entry, status: int) -> None:
        entry[_WAITS] = 0
        entry.schedule_upcall(0, _NO_VALUE, _NO_VALUE, _NO_VALUE)

    def _measured(self, x: int, y: int, z: int) -> None:
        self._queue.over()
        which = self._measuring
        for slot in range(self._slots):
            entry = self._grant.entry(slot)
            if entry is not None and entry[_WAITS] == which:
                entry[_WAITS] = 0
                entry.schedule_upcall(0, x, y, z)
        self._queue.go_on()

    def _failed(self, status: int) -> None:
        self._measured(_NO_VALUE, _NO_VALUE, _NO_VALUE)
