"""Any number of alarms on one hardware alarm."""

from typing import Callable

from kernel import call_client, shared
from micropython import const

from capsules.hil.time import Alarm

_MASK = const(0xFFFFFF)
_LONGEST = const(0x7FFFFF)  # look at the counter at least twice in each of its rounds
_FAR = const(0x10000000)  # ticks, 16 rounds; times stay integers that need no memory
_MOST = const(30)  # a bit each, in such an integer


class VirtualAlarm:
    """One of the alarms; a HIL Alarm itself."""

    def __init__(self, mux: "AlarmMux", frequency: int, index: int) -> None:
        self.frequency = frequency
        self.now = mux.now
        self._set_client, self._set_alarm, self._disarm = mux.shared
        self._index = index

    def set_client(self, fired: "Callable[[], None]") -> None:
        self._set_client(self._index, fired)

    def set_alarm(self, dt: int) -> None:
        self._set_alarm(self._index, dt)

    def disarm(self) -> None:
        self._disarm(self._index)


class AlarmMux:
    """Sets the hardware alarm for the soonest of its virtual alarms.

    Its own time is the sum of what has passed from look to look at the counter: it does not wrap, but begins anew
    long before it would be too large.

    Clients are called from the hardware's interrupt alone, never from within a call of theirs: another one's stack
    would be theirs then.
    """

    def __init__(self, alarm: Alarm) -> None:
        self.now = alarm.now
        self.shared = (shared(self._set_client), shared(self._set_alarm), shared(self._disarm))  # for its alarms
        self._alarm = alarm
        self._last = 0  # the counter at the last look
        self._time = 0  # and the time in ticks; both count only while an alarm is armed
        self._armed = 0  # one bit an alarm
        self._looking = False
        self._due: "list[int]" = []  # the time at which each goes off, if it is armed
        self._fired: "list[Callable[[], None]]" = []
        alarm.set_client(self._look)

    def new_alarm(self) -> VirtualAlarm:
        """Make one more alarm; only while the board is wired."""
        index = len(self._due)
        if index == _MOST:
            raise ValueError("too many alarms on one timer")
        alarm = VirtualAlarm(self, self._alarm.frequency, index)
        self._fired.append(self._ignore)
        self._due.append(0)
        return alarm

    def _ignore(self) -> None:
        """The client of an alarm that has none."""

    def _set_client(self, index: int, fired: "Callable[[], None]") -> None:
        self._fired[index] = fired

    def _set_alarm(self, index: int, dt: int) -> None:
        now = self.now()
        if self._armed == 0 and not self._looking:
            self._last = now
        time = self._time + ((now - self._last) & _MASK)
        self._due[index] = time + (dt if 0 < dt < _LONGEST else 1 if dt < 1 else _LONGEST)
        self._armed |= 1 << index
        if not self._looking:
            self._aim(time)

    def _disarm(self, index: int) -> None:
        bit = 1 << index
        if self._armed & bit:
            self._armed &= ~bit
            if self._looking:
                return
            if self._armed:
                self._aim(self._time + ((self.now() - self._last) & _MASK))
            else:
                self._alarm.disarm()

    def _begin_anew(self, time: int) -> None:
        """Let the time be 0, which is `time`."""
        for index in range(len(self._due)):
            self._due[index] -= time

    def _aim(self, time: int) -> None:
        """Set the hardware for the soonest alarm; `time` is now."""
        alarms = int(self._armed)
        soonest = time + _LONGEST
        index = 0
        while alarms:
            if alarms & 1:
                due = int(self._due[index])
                if due < soonest:
                    soonest = due
            alarms >>= 1
            index += 1
        self._alarm.set_alarm(soonest - time if soonest > time else 1)

    def _look(self) -> None:
        """From the hardware, which has gone off and is not set: call who is due, then set it for the next.

        A client may set or disarm any alarm from its callback; the hardware is set after the last. If this ends half
        done, the hardware calls again.
        """
        self._looking = True
        now = int(self.now())
        time = int(self._time) + ((now - int(self._last)) & _MASK)
        if time >= _FAR:
            self._begin_anew(time)
            time = 0
        self._last = now
        self._time = time
        alarms = int(self._armed)
        called = False
        index = 0
        while alarms:
            if alarms & 1 and int(self._due[index]) <= time:
                if not called or int(self._armed) >> index & 1:  # not disarmed by the one before
                    self._armed = int(self._armed) & ~(1 << index)
                    called = True
                    call_client(self._fired[index])
            alarms >>= 1
            index += 1
        self._looking = False
        if int(self._armed):
            if called:  # that took time
                time += (int(self.now()) - now) & _MASK
            self._aim(time)
