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

    def pass_ticks(self, ticks: int) -> bool:
        """Time has passed. True if the alarm is due."""
        if self.armed:
            self.left -= ticks
            return self.left <= 0
        return False

    def fire(self) -> None:
        """Call the client, who may set the alarm again."""
        self.armed = False
        self.fired()


class AlarmMux:
    """Sets the hardware alarm for the soonest of its virtual alarms."""

    def __init__(self, alarm: Alarm) -> None:
        self.frequency = alarm.frequency
        self.now = alarm.now
        self._alarm = alarm
        self._last = 0
        self._running = False  # whether `_last` counts
        self._looking = False
        self._alarms: "tuple[VirtualAlarm, ...]" = ()
        alarm.set_client(self._interrupt)

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

    def _interrupt(self) -> None:
        """From the hardware; never from within a look, unless a client has failed and that one was not finished."""
        self._looking = False
        self.look()

    def look(self) -> None:
        """Call who is due, then set the hardware for the next.

        A client may set or disarm any alarm from its callback: what has passed is subtracted from all
        before anybody is called, and the soonest is looked for after.
        """
        if self._looking:
            return
        self._looking = True
        now = self.now()
        ticks = (now - self._last) & _MASK if self._running else 0
        self._last = now
        self._running = True
        due = False
        for alarm in self._alarms:
            if alarm.pass_ticks(ticks):
                due = True
        if due:
            # A client that fails does not stop the clock for the others.
            self._alarm.set_alarm(1)
            for alarm in self._alarms:
                if alarm.armed and alarm.left <= 0:
                    alarm.fire()
        self._looking = False
        self._set_hardware()

    def _set_hardware(self) -> None:
        soonest = 0
        for alarm in self._alarms:
            if alarm.armed and (soonest == 0 or alarm.left < soonest):
                soonest = alarm.left
        if soonest:
            self._alarm.set_alarm(soonest if soonest < _LONGEST else _LONGEST)
        else:
            self._running = False
            self._alarm.disarm()
