"""Any number of alarms on one hardware alarm."""

from typing import Callable

from kernel import call_client
from micropython import const

from capsules.hil.time import Alarm

_MASK = const(0xFFFFFF)
_LONGEST = const(0x7FFFFF)  # look at the counter at least twice in each of its rounds
_DUE = const(-1)


class VirtualAlarm:
    """One of the alarms; a HIL Alarm itself."""

    def __init__(self, mux: "AlarmMux", index: int) -> None:
        self.frequency = mux.frequency
        self.now = mux.now
        self._mux = mux
        self._index = index

    def set_client(self, fired: "Callable[[], None]") -> None:
        self._mux.set_client(self._index, fired)

    def set_alarm(self, dt: int) -> None:
        self._mux.set_alarm(self._index, dt)

    def disarm(self) -> None:
        self._mux.disarm(self._index)


class AlarmMux:
    """Sets the hardware alarm for the soonest of its virtual alarms."""

    def __init__(self, alarm: Alarm) -> None:
        self.frequency = alarm.frequency
        self.now = alarm.now
        self._alarm = alarm
        self._last = 0
        self._running = False  # whether `_last` counts
        self._looking = False
        self._left: "list[int]" = []  # ticks from the last look at the counter, or _DUE; 0: not armed
        self._fired: "list[Callable[[], None]]" = []
        alarm.set_client(self._interrupt)

    def new_alarm(self) -> VirtualAlarm:
        """Make one more alarm; only while the board is wired."""
        self._left.append(0)
        self._fired.append(self._ignore)
        return VirtualAlarm(self, len(self._left) - 1)

    def _ignore(self) -> None:
        """The client of an alarm that has none."""

    def set_client(self, index: int, fired: "Callable[[], None]") -> None:
        """Of the alarm with this number."""
        self._fired[index] = fired

    def set_alarm(self, index: int, dt: int) -> None:
        """Let the alarm with this number go off in `dt` ticks."""
        now = self.now()
        if not self._running:
            self._last = now
            self._running = True
        self._left[index] = (dt if 0 < dt < _LONGEST else 1 if dt < 1 else _LONGEST) + ((now - self._last) & _MASK)
        self._look()

    def disarm(self, index: int) -> None:
        """Let the alarm with this number not go off."""
        if self._left[index]:
            self._left[index] = 0
            self._look()

    def _interrupt(self) -> None:
        """From the hardware; never from within a look, unless a client has failed and that one was not finished."""
        self._looking = False
        self._look()

    def _look(self) -> None:
        """Look at the counter: call who is due, then set the hardware for the next.

        A client may set or disarm any alarm from its callback: what has passed is subtracted from all
        before anybody is called, and the soonest is looked for after.
        """
        if self._looking:
            return
        self._looking = True
        left = self._left
        now = self.now()
        ticks = (now - self._last) & _MASK if self._running else 0
        self._last = now
        self._running = True
        due = False
        for index in range(len(left)):
            rest = left[index]
            if rest:
                rest -= ticks
                if rest <= 0:
                    rest = _DUE
                    due = True
                left[index] = rest
        if due:
            for index in range(len(left)):
                if left[index] == _DUE:
                    left[index] = 0
                    call_client(self._fired[index])
        self._looking = False
        soonest = 0
        for index in range(len(left)):
            rest = left[index]
            if rest > 0 and (soonest == 0 or rest < soonest):
                soonest = rest
        if soonest > _LONGEST:
            soonest = _LONGEST
        if soonest:
            self._alarm.set_alarm(soonest)
        else:
            self._running = False
            self._alarm.disarm()
