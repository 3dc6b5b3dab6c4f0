"""Any number of alarms on one hardware alarm."""

from typing import Callable

from kernel import Callback, call_client, callback, shared
from micropython import const

import config
from capsules.hil.time import Alarm

_MASK = const(0xFFFFFF)
_HALF = const(0x7FFFFF)
_SELDOM = const(0x10000)  # ticks after which the time of the last look is noted
_LONGEST = const(0x7EFFFF)  # half a round less that: look at the counter at least twice in each of its rounds
_FAR = const(0x10000000)  # ticks, 16 rounds; times stay integers that need no memory
_TOO_FAR = const(0x14000000)
_MOST = const(32)  # of the others, so that no walk along all is long
_NONE = const(-1)
_STACK = const(640)  # what other shared code calls needs less than that


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


class ProcessAlarms:
    """One of the alarms for each process slot, all of one client; a HIL Alarms."""

    def __init__(self, mux: "AlarmMux", frequency: int) -> None:
        self.frequency = frequency
        self.now = mux.now
        self.set_client, self.set_alarm, self.disarm = mux.shared_for_processes


class AlarmMux:
    """Sets the hardware alarm for the soonest of its virtual alarms.

    Those that are armed are a chain in the order of their times: the interrupt looks at the first and takes it off.
    Each step leaves the chain whole.

    Its own time goes on from look to look at the counter, which is the time's lower 24 bits; it starts again long before
    it would be too large.

    Clients are called from the hardware's interrupt alone, never from within a call of theirs: another one's stack
    would be theirs then.
    """

    def __init__(self, alarm: Alarm) -> None:
        self.now = alarm.now
        # For its alarms.
        self.shared = (
            shared(self._set_client, _STACK),
            shared(self._set_soon, _STACK),
            shared(self._disarm, _STACK),
        )
        self.shared_for_processes = (
            shared(self._set_process_client, _STACK),
            shared(self._set, _STACK),
            shared(self._disarm, _STACK),
        )
        self._alarm = alarm
        self._time = 0  # in ticks, at a look not long ago; counts only while an alarm is armed
        self._first = _NONE  # the soonest of those that are armed
        self._looking = 0  # 1: clients are being called, and the hardware is set after the last
        # Of each alarm, the processes' first: when it goes off, and which goes off next.
        self._due = [0 for _ in range(config.MAX_PROCESSES)]
        self._next = [_NONE for _ in range(config.MAX_PROCESSES)]
        self._process_fired: "Callback | None" = None
        self._fired: "list[Callback | None]" = []
        self.for_processes = ProcessAlarms(self, alarm.frequency)
        alarm.set_client(self._look)

    def new_alarm(self) -> VirtualAlarm:
        """Make one more alarm; only while the board is wired."""
        if len(self._fired) == _MOST:
            raise ValueError("too many alarms on one timer")
        alarm = VirtualAlarm(self, self._alarm.frequency, len(self._due))
        self._fired.append(None)
        self._next.append(_NONE)
        self._due.append(0)
        return alarm

    def _set_client(self, index: int, fired: "Callable[[], None]") -> None:
        self._fired[index - config.MAX_PROCESSES] = callback(fired)

    def _set_process_client(self, fired: "Callable[[int, int, int], None]") -> None:
        self._process_fired = callback(fired)

    def _set_soon(self, index: int, dt: int) -> None:
        self._set(index, self.now(), dt if 0 < dt < _HALF else 1 if dt < 1 else _HALF)

    def _set(self, index: int, reference: int, dt: int) -> None:
        """Let an alarm go off when the counter, which was `reference` less than a round ago, has gone on by `dt`."""
        self._unlink(index)
        time = int(self._time)
        now = int(self.now())
        time += (now - time) & _MASK
        if time >= _TOO_FAR:  # not in the middle of a look, which begins below _FAR
            time = int(self._begin_anew(time))
        self._time = time
        self._link(index, time - ((now - reference) & _MASK) + dt)
        if not int(self._looking):
            self._aim(time)

    def _disarm(self, index: int) -> bool:
        """Whether it was armed."""
        was_first = int(self._first) == index
        found = self._unlink(index)
        if was_first and not int(self._looking):
            if int(self._first) == _NONE:
                self._alarm.disarm()
            else:
                time = int(self._time)
                time += (int(self.now()) - time) & _MASK
                self._time = time
                self._aim(time)
        return found

    def _unlink(self, index: int) -> bool:
        """Take an alarm off the chain, if it is there."""
        if self._first == index:
            self._first = self._next[index]
            return True
        before = self._before(index)
        if before == _NONE:
            return False
        self._next[before] = self._next[index]
        return True

    def _link(self, index: int, due: int) -> None:
        """Put an alarm where it belongs in the chain."""
        self._due[index] = due
        before = self._last_until(due)
        if before == _NONE:
            self._next[index] = self._first
            self._first = index
        else:
            self._next[index] = self._next[before]
            self._next[before] = index

    def _before(self, index: int) -> int:
        """Which alarm is before this one in the chain."""
        before = int(self._first)
        while before != _NONE:
            after = int(self._next[before])
            if after == index:
                return before
            before = after
        return _NONE

    def _last_until(self, due: int) -> int:
        """The last alarm in the chain that goes off at this time or before."""
        before = _NONE
        at = int(self._first)
        while at != _NONE and int(self._due[at]) <= due:
            before = at
            at = int(self._next[at])
        return before

    def _begin_anew(self, time: int) -> int:
        """Go back by whole rounds; the time that is now `time`."""
        back = time - (time & _MASK)
        at = int(self._first)
        while at != _NONE:
            self._due[at] = int(self._due[at]) - back
            at = int(self._next[at])
        return time - back

    def _aim(self, time: int) -> None:
        """Set the hardware for the soonest alarm, of which there is one; `time` is now."""
        left = int(self._due[int(self._first)]) - time
        self._alarm.set_alarm(left if 0 < left < _LONGEST else 1 if left < 1 else _LONGEST)

    def _look(self) -> None:
        """From the hardware, which has gone off and is not set: call who is due, then set it for the next.

        A client may set or disarm any alarm from its callback; the hardware is set after the last. Who is due stays in
        the chain until it was called: if this ends half done, the hardware calls again, and so does this.
        """
        now = int(self.now())
        time = int(self._time)
        passed = (now - time) & _MASK
        time += passed
        if time >= _FAR:
            time = int(self._begin_anew(time))
            self._time = time
        elif passed >= _SELDOM:
            self._time = time
        looking = int(self._looking)  # 1 if the last look was cut short
        calls = 0
        at = int(self._first)
        while at != _NONE and calls < _MOST + config.MAX_PROCESSES:
            due = int(self._due[at])
            if due > time:
                break
            calls += 1
            if at < config.MAX_PROCESSES:
                call_client(self._process_fired, at, now, due & _MASK)
            else:
                if not looking:
                    looking = 1
                    self._looking = 1
                call_client(self._fired[at - config.MAX_PROCESSES])
                if int(self._due[at]) != due:  # it has been set again, for later than now
                    at = int(self._first)
                    continue
            if int(self._first) == at:
                at = int(self._next[at])
                self._first = at
            else:  # another one is due before it now, or it was disarmed
                self._unlink(at)
                at = int(self._first)
        if looking:
            self._looking = 0
        if at != _NONE:
            if calls:  # that took time
                time += (int(self.now()) - now) & _MASK
            self._aim(time)
