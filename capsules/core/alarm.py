"""Time and alarms for user programs: one alarm for each process, all on one HIL alarm.

Driver number 0x0 (stable since Tock 1.0). A tick for a user program is 1/256 of a tick of the
hardware's 24-bit counter: the counter is shifted left so that it wraps at 2^32.

Command
    0 exists                     -> success
    1 frequency                  -> success_u32(ticks a second)
    2 now                        -> success_u32(ticks)
    3 stop                       -> success, ALREADY if no alarm was set, NOMEM
    5 set relative   dt          -> success_u32(tick at which it expires), NOMEM
    6 set absolute   reference dt -> success_u32(tick at which it expires), NOMEM

Subscribe
    0 expired: (now, tick at which it was to expire, 0)
"""

from kernel import SUCCESS, CommandReturn, ErrorCode, Grant, Layout, ProcessId, success_u32, success_u32_shifted
from micropython import const

from capsules.hil.time import Alarm

DRIVER_NUM = const(0x0)

LAYOUT = Layout(upcalls=1, u32=2, answers=1)

_SINCE = const(0)  # the counter's value when it was set, or later
_LEFT = const(1)  # ticks from then to the expiry

_JUSTIFY = const(8)  # 32 - the counter's 24 bits
_MASK = const(0xFFFFFF)
_LONGEST = const(0x3FFFFF)  # look at the counter at least four times in each of its rounds


class AlarmDriver:
    """Keeps each process's alarm as ticks left since an earlier look at the counter.

    Counting down what is left, and looking often enough, makes wraps of the counter a non-event:
    no two absolute times are ever compared.
    """

    def __init__(self, alarm: Alarm, grant: Grant) -> None:
        self._alarm = alarm
        self._now = alarm.now
        self._frequency = alarm.frequency
        self._grant = grant
        self._armed = 0  # one bit a process slot
        alarm.set_client(self._fired)

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == 2:
            return success_u32_shifted(self._now(), _JUSTIFY)
        if number == 0:
            return SUCCESS
        if number == 1:
            return success_u32(self._frequency)
        if number == 5:
            # Round up: never early.
            return self._arm(process, self._now(), (first >> _JUSTIFY & _MASK) + ((first & 0xFF) + 0xFF >> _JUSTIFY))
        if number == 6:
            fraction = (first & 0xFF) + (second & 0xFF)
            return self._arm(process, first >> _JUSTIFY & _MASK, (second >> _JUSTIFY & _MASK) + (fraction + 0xFF >> _JUSTIFY))
        if number == 3:
            return self._stop(process)
        return ErrorCode.NOSUPPORT

    def _arm(self, process: ProcessId, reference: int, dt: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        entry[_SINCE] = reference
        entry[_LEFT] = dt
        self._armed |= 1 << process.slot
        self._look()
        return success_u32_shifted((reference + dt) & _MASK, _JUSTIFY)

    def _stop(self, process: ProcessId) -> "CommandReturn | int":
        bit = 1 << process.slot
        if not self._armed & bit or self._grant.entry(process.slot) is None:
            return ErrorCode.ALREADY
        self._armed &= ~bit
        self._look()
        return SUCCESS

    def _look(self) -> None:
        self._fired()
        if self._armed == 0:
            self._alarm.disarm()

    def _fired(self) -> None:
        """Look at the counter: deliver what has expired, set the alarm for what comes next."""
        now = int(self._now())
        soonest = 0  # nothing is left
        armed = int(self._armed)
        slot = 0
        while armed:
            if armed & 1:
                entry = self._grant.entry(slot)
                if entry:
                    passed = (now - int(entry[_SINCE])) & _MASK
                    left = int(entry[_LEFT]) - passed
                    if left <= 0:
                        self._armed = int(self._armed) & ~(1 << slot)
                        entry.schedule_upcall(0, now, (now + left) & _MASK, 0, _JUSTIFY)
                    else:
                        if passed > _LONGEST:
                            self._count_down(slot, now, left)
                        if soonest == 0 or left < soonest:
                            soonest = left
                else:  # the process has ended
                    self._armed = int(self._armed) & ~(1 << slot)
            armed >>= 1
            slot += 1
        if soonest:
            self._alarm.set_alarm(soonest if soonest < _LONGEST else _LONGEST)

    def _count_down(self, slot: int, now: int, left: int) -> None:
        """Well before the counter has passed the value that was noted."""
        entry = self._grant.entry(slot)
        if entry is not None:
            entry[_SINCE] = now
            entry[_LEFT] = left
