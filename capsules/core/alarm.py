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

LAYOUT = Layout(upcalls=1, u32=2)

_LEFT = const(0)  # ticks from `_last` to the expiry
_EXPIRY = const(1)  # the counter's value then

_JUSTIFY = const(8)  # 32 - the counter's 24 bits
_MASK = const(0xFFFFFF)
_LONGEST = const(0x7FFFFF)  # look at the counter at least twice in each of its rounds


class AlarmDriver:
    """Keeps each process's alarm as ticks left since the last look at the counter.

    Counting down what is left, and looking often enough, makes wraps of the counter a non-event:
    no two absolute times are ever compared.
    """

    def __init__(self, alarm: Alarm, grant: Grant) -> None:
        self._alarm = alarm
        self._now = alarm.now
        self._frequency = alarm.frequency
        self._grant = grant
        self._armed = 0  # one bit a process slot
        self._last = 0  # the counter when `left` was right
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
        now = self._now()
        if self._armed == 0:
            self._last = now
        elapsed = (now - reference) & _MASK
        left = dt - elapsed if elapsed < dt else 0
        entry[_LEFT] = left + ((now - self._last) & _MASK)
        entry[_EXPIRY] = (reference + dt) & _MASK
        self._armed |= 1 << process.slot
        self._fired()
        return success_u32_shifted(entry[_EXPIRY], _JUSTIFY)

    def _stop(self, process: ProcessId) -> "CommandReturn | int":
        bit = 1 << process.slot
        if not self._armed & bit or self._grant.entry(process.slot) is None:
            return ErrorCode.ALREADY
        self._armed &= ~bit
        self._fired()
        return SUCCESS

    def _fired(self) -> None:
        """Look at the counter: deliver what has expired, set the hardware for what comes next."""
        now = self._now()
        passed = (now - self._last) & _MASK
        self._last = now
        soonest = _LONGEST
        armed = self._armed
        slot = 0
        while armed:
            if armed & 1:
                entry = self._grant.entry(slot)
                if entry is None:  # the process has ended
                    self._armed &= ~(1 << slot)
                else:
                    left = entry[_LEFT]
                    if left <= passed:
                        self._armed &= ~(1 << slot)
                        entry.schedule_upcall(0, now, entry[_EXPIRY], 0, _JUSTIFY)
                    else:
                        left -= passed
                        entry[_LEFT] = left
                        if left < soonest:
                            soonest = left
            armed >>= 1
            slot += 1
        if self._armed:
            self._alarm.set_alarm(soonest)
        else:
            self._alarm.disarm()
