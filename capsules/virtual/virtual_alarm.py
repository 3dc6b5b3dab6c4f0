"""Any number of alarms on one hardware alarm."""

from typing import Callable

from micropython import const

from capsules.hil.time import Alarm

_MASK = const(0xFFFFFF)
_LONGEST = const(0x7FFFFF)  # look at the counter at least twice in each of its rounds


class VirtualAlarm:
    """One of the alarms; a HIL Alarm itself."""

    def __init__(self, mux: "AlarmMux") -> None:
        self.frequency = mux.frequency
        self.now = mux.now
        self.armed = False
        self.left = 0  # ticks from the mux's last look at the counter
        self.fired: Callable[[], None] = mux.ignore
        self._mux = mux

    def set_client(self, fired: "Callable[[], None]") -> None:
        self.fired = fired

    def set_alarm(self, dt: int) -> None:
        self.left = dt + self._mux.since_look()
        self.armed = True
        self._mux.look()

    def disarm(self) -> None:
        if self.armed:
            self.armed = False
            self._mux.look()

    def passed(self, ticks: int) -> int:
        """Count down; returns the ticks left, 0 if it has just expired, -1 if it is not armed."""
        if not self.armed:
            return -1
        if self.left <= ticks:
            self.armed = False
            return 0
        self.left -= ticks
        return self.left


class AlarmMux:
    """Sets the hardware alarm for the soonest of its virtual alarms."""

    def __init__(self, alarm: Alarm) -> None:
        self.frequency = alarm.frequency
        self.now = alarm.now
        self._alarm = alarm
        self._last = 0
        self._running = False  # whether `_last` counts
        self._looking = False
        self._again = False
        self._alarms: "tuple[VirtualAlarm, ...]" = ()
        alarm.set_client(self.look)

    def new_alarm(self) -> VirtualAlarm:
        """Make one more alarm; only while the board is wired."""
        alarm = VirtualAlarm(self)
        self._alarms += (alarm,)
        return alarm

    def ignore(self) -> None:
        """The client of an alarm that has none."""

    def since_look(self) -> int:
        """Ticks since the last look at the counter."""
        if not self._running:
            self._last = self.now()
            self._running = True
        return (self.now() - self._last) & _MASK

    def look(self) -> None:
        """Call who is due, then set the hardware for the next.

        A client may set an alarm from its callback; that look is made after this one.
        """
        self._again = True
        if self._looking:
            return
        self._looking = True
        while self._again:
            self._again = False
            ticks = self.since_look()
            self._last = (self._last + ticks) & _MASK
            soonest = _LONGEST + 1
            for alarm in self._alarms:
                left = alarm.passed(ticks)
                if left == 0:
                    self._call(alarm)
                elif 0 < left < soonest:
                    soonest = left
        self._looking = False
        if soonest <= _LONGEST:
            self._alarm.set_alarm(soonest)
        elif self._any_armed():
            self._alarm.set_alarm(_LONGEST)
        else:
            self._running = False
            self._alarm.disarm()

    def _call(self, alarm: VirtualAlarm) -> None:
        """One client's failure is not the others'."""
        try:
            alarm.fired()
        except Exception as error:
            self._looking = False
            self._again = False
            self._alarm.set_alarm(1)
            raise error  # the native emitter knows no bare raise

    def _any_armed(self) -> bool:
        for alarm in self._alarms:
            if alarm.armed:
                return True
        return False
