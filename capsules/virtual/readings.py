"""One sensor for any number of processes: all that ask while a measurement is under way share it."""

from typing import Callable

from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, ProcessId

from capsules.hil.sensors import Sensor


class Readings:
    """`tell(record, value, status)` is called for each that waits: its record's field `waits` is 1 from there to here."""

    def __init__(self, sensor: Sensor, grant: Grant, waits: int, tell: "Callable[[Entry, int, int], None]") -> None:
        self._sensor = sensor
        self._grant = grant
        self._waiting = 0  # who waits, one bit a process slot
        self._waits = waits
        self._tell = tell
        self._measuring = False
        sensor.set_client(self._measured)

    def ask(self, process: ProcessId) -> "CommandReturn | int":
        """What the command returns: BUSY if this process waits already, NOMEM, or what the sensor refuses it with."""
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if entry[self._waits]:
            return ErrorCode.BUSY
        if not self._measuring:
            status = self._sensor.measure()
            if status:
                return status
            self._measuring = True
        self._waiting |= 1 << process.slot
        entry[self._waits] = 1
        return SUCCESS

    def _measured(self, value: int, status: int) -> None:
        self._measuring = False
        waiting = self._waiting
        slot = 0
        while waiting:
            if waiting & 1:
                entry = self._grant.entry(slot)
                if entry is not None and entry[self._waits]:  # it may have ended
                    entry[self._waits] = 0
                    self._tell(entry, value, status)
            waiting >>= 1
            slot += 1
        self._waiting = 0  # last: should this be cut short, the next measurement is theirs, too
