"""Time and alarms for user programs: one alarm for each process.

Driver number 0x0 (stable since Tock 1.0). A tick for a user program is 1/256 of a tick of the
hardware's 24-bit counter: the counter is shifted left so that it wraps at 2^32.

Command
    0 exists                     -> success
    1 frequency                  -> success_u32(ticks a second)
    2 now                        -> success_u32(ticks)
    3 stop                       -> success, ALREADY if no alarm was set, NOMEM
    5 set relative   dt          -> success_u32(tick at which it expires), NOMEM
    6 set absolute   reference dt -> success_u32(tick at which it expires), NOMEM
    32 now, without end            -> success_u32_u32(now / 256, how often the ticks have wrapped since this was first asked)

Subscribe
    0 expired: (now, tick at which it was to expire, 0)
"""

from kernel import (
    SUCCESS,
    CommandReturn,
    ErrorCode,
    Grant,
    Layout,
    ProcessId,
    success_u32,
    success_u32_shifted,
    success_u32_u32,
)
from micropython import const

from capsules.hil.time import Alarm, Alarms

DRIVER_NUM = const(0x0)

LAYOUT = Layout(upcalls=1, answers=1)

# Commands
_EXISTS = const(0)
_FREQUENCY = const(1)
_NOW = const(2)
_STOP = const(3)
_SET_RELATIVE = const(5)
_SET_ABSOLUTE = const(6)
_WITHOUT_END = const(32)  # not Tock's

_JUSTIFY = const(8)  # 32 - the counter's 24 bits
_MASK = const(0xFFFFFF)
_LOOK = const(0x700000)  # ticks; less than half a round of the counter


class AlarmDriver:
    """Sets each process's alarm where all the board's alarms are; nothing is kept here.

    An alarm of a process that has ended goes off in vain: there is no record to queue an upcall for. The next process in
    its slot has one when it sets its own alarm, which replaces that.

    Once a program has asked for the time without end, half rounds are counted: the upper bit of the counter differs from
    the lowest of their number if one more has passed, and an alarm of this driver's own looks at least once in each.
    """

    def __init__(self, alarms: Alarms, rounds: Alarm, grant: Grant) -> None:
        self._alarms = alarms
        self._now = alarms.now
        self._grant = grant
        self._rounds = rounds
        self._turns = 0  # of the counter, twice: half turns
        self._looking = False
        alarms.set_client(self._fired)
        rounds.set_client(self._look)

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _NOW:
            return success_u32_shifted(self._now(), _JUSTIFY)
        if number == _WITHOUT_END:
            if not self._looking:
                self._look()
            now = int(self._now())
            halves = int(self._turns)
            if halves & 1 != now >> 23:
                halves += 1
                self._turns = halves
            return success_u32_u32(now, halves >> 1)
        if number == _EXISTS:
            return SUCCESS
        if number == _FREQUENCY:
            return success_u32(self._alarms.frequency)
        if number == _SET_RELATIVE:
            # Round up: never early.
            now = int(self._now())
            return self._arm(process, now, now, (first >> _JUSTIFY & _MASK) + ((first & 0xFF) + 0xFF >> _JUSTIFY))
        if number == _SET_ABSOLUTE:
            fraction = (first & 0xFF) + (second & 0xFF)
            dt = (second >> _JUSTIFY & _MASK) + (fraction + 0xFF >> _JUSTIFY)
            return self._arm(process, int(self._now()), first >> _JUSTIFY & _MASK, dt)
        if number == _STOP:
            return self._stop(process)
        return ErrorCode.NOSUPPORT

    def _arm(self, process: ProcessId, now: int, reference: int, dt: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        expiry = (reference + dt) & _MASK
        if (now - reference) & _MASK < dt:
            self._alarms.set_alarm(process.slot, reference, dt)
        else:
            self._alarms.disarm(process.slot)
            entry.schedule_upcall(0, now, expiry, 0, _JUSTIFY)
        return success_u32_shifted(expiry, _JUSTIFY)

    def _stop(self, process: ProcessId) -> "CommandReturn | int":
        if self._grant.entry(process.slot) is None or not self._alarms.disarm(process.slot):
            return ErrorCode.ALREADY
        return SUCCESS

    def _fired(self, slot: int, now: int, due: int) -> None:
        self._grant.upcall(slot, 0, now, due, 0, _JUSTIFY)

    def _look(self) -> None:
        """At least once in each half round of the counter."""
        self._looking = False  # if this ends half done, the next command sets the alarm
        if int(self._turns) & 1 != int(self._now()) >> 23:
            self._turns = int(self._turns) + 1
        self._rounds.set_alarm(_LOOK)
        self._looking = True
