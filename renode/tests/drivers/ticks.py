"""TIMER as an alarm, with the RTC as judge."""

from kernel import log
from micropython import const

from capsules.hil.system import ExactClock
from capsules.hil.time import Alarm

_MASK = const(0xFFFFFF)
_SHORT = const(20)
_SHORT_US = const(12_345)
_LONG = const(3)
_LONG_US = const(7_000_000)  # the counter wraps after 16.8 s


class TimerBench:
    """Twenty short alarms, three long ones."""

    def __init__(self, timer: Alarm, judge: Alarm, clock: ExactClock) -> None:
        self._clock = clock
        self._timer = timer
        self._judge = judge
        self._count = 0
        self._begun = 0
        timer.set_client(self._fired)

    def begin(self) -> None:
        self._clock.request()
        self._begun = self._judge.now()
        self._timer.set_alarm(_SHORT_US)

    def _fired(self) -> None:
        self._count += 1
        if self._count < _SHORT:
            self._timer.set_alarm(_SHORT_US)
            return
        passed = int((self._judge.now() - self._begun) & _MASK)
        milliseconds = passed * 1000 >> 15
        if self._count == _SHORT:
            log(f"bench: timer {self._count} short alarms, {milliseconds} ms")
        else:
            log(f"bench: timer long alarm, {milliseconds} ms")
        if self._count < _SHORT + _LONG:
            self._begun = self._judge.now()
            self._timer.set_alarm(_LONG_US)
        else:
            log("bench: done")
