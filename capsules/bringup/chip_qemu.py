"""The tests of a bring-up that are about QEMU's board: its two clocks, which must agree."""

from kernel import Registers
from micropython import const

from capsules.bringup.jobs import Jobs
from capsules.bringup.report import Report
from capsules.hil.time import Alarm

# capsules/bringup/jobs.py
_WORK = const(1)
_SPIN = const(8)

_COUNTER = const(0x018)  # AN386, table 3-7: FPGAIO, counts the clock by its prescaler, which is 1 after a reset
_MASK = const(0xFFFFFF)
_SPIN_MS = const(64)


class FpgaClock:
    """A program computes; meanwhile the FPGA's counter is compared with the timer."""

    def __init__(self, report: Report, jobs: Jobs, alarm: Alarm, fpgaio: Registers, hz: int) -> None:
        self.name = "clocks"
        self.limit = 3000
        self._report = report
        self._jobs = jobs
        self._now = alarm.now
        self._ticks_per_s = int(alarm.frequency) >> 8
        self._counter = fpgaio
        self._hz = hz
        self._ticks = 0
        self._count = 0

    def begin(self) -> None:
        self._jobs.set_client(self._taken, self._ended, self._faulted)
        self._jobs.give(_WORK, _SPIN, _SPIN_MS)

    def _taken(self, role: int) -> None:
        self._count = self._counter.read(_COUNTER)
        self._ticks = self._now()

    def _ended(self, role: int, result: int, more: int) -> None:
        count = (self._counter.read(_COUNTER) - self._count) & 0xFFFFFFFF
        ticks = (self._now() - self._ticks) & _MASK
        hz, off = int(self._hz), int(self._hz) // 500
        self._report.measured("clock-fpga", int(count) * int(self._ticks_per_s) // max(int(ticks), 1), hz - off, hz + off, "Hz, by the timer")
        self._report.measured("speed", result, 1000, 200000, "thousand instructions a second")
        self._report.done(self.name)

    def _faulted(self, role: int) -> None:
        """The limit says that it has not come to an end."""
