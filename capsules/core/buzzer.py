"""A buzzer for user programs. Tones of several processes sound one after the other.

Driver number 0x90000 (Tock: capsules/extra/src/buzzer_driver.rs).

Command
    0 exists               -> success
    1 tone    Hz ms        -> success; when the buzzer is free; at most 5,000 ms. INVAL if it has no such frequency, NOMEM; also if
                              this process waits for its turn
    2 at once Hz ms        -> success; in place of this process's own tone, and if others wait, until that would have ended. RESERVE if
                              another one's sounds, INVAL, NOMEM
    3 stop                 -> success, RESERVE, OFF if nothing sounds, NOMEM

Subscribe
    0 done: (status, 0, 0)  status 0: the tone is over, or was stopped; or why there was none when its turn had come
"""

from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.pwm import Pwm
from capsules.hil.time import Alarm
from capsules.parts.process_queue import ProcessQueue

DRIVER_NUM = const(0x90000)

LAYOUT = Layout(upcalls=1, u32=3, answers=2, asks=b"\x01\x00\x02\x00")

# Commands
_EXISTS = const(0)
_TONE = const(1)
_AT_ONCE = const(2)
_STOP = const(3)

_WAITS = const(0)  # 1 until its turn has come
_HZ = const(1)
_MS = const(2)

_LONGEST = const(5000)  # ms
_JUSTIFY = const(8)  # an alarm's frequency is that of its counter shifted left
_DUTY = const(5000)  # half of FULL_DUTY


class BuzzerDriver:
    """Plays on the first pin of a Pwm."""

    def __init__(self, pwm: Pwm, alarm: Alarm, grant: Grant) -> None:
        self._pwm = pwm
        self._alarm = alarm
        self._hertz = alarm.frequency >> _JUSTIFY
        self._grant = grant
        self._queue = ProcessQueue(grant, _WAITS, self._begin, self._refuse)
        self._player: "Entry | None" = None  # whose tone sounds
        alarm.set_client(self._over)

    def command(self, number: int, hertz: int, milliseconds: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number < 0 or number > _STOP:
            return ErrorCode.NOSUPPORT
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        milliseconds = milliseconds if 0 <= milliseconds < _LONGEST else _LONGEST
        if number != _TONE:
            return self._now(number, entry, process.slot, hertz, milliseconds)
        return ErrorCode.NOMEM if entry[_WAITS] else self._ask(entry, process.slot, hertz, milliseconds)

    def _ask(self, entry: Entry, slot: int, hertz: int, milliseconds: int) -> "CommandReturn | int":
        entry[_HZ] = hertz
        entry[_MS] = milliseconds
        status = self._queue.ask(entry, slot, 1)
        return status if status else SUCCESS

    def _now(self, number: int, entry: Entry, slot: int, hertz: int, milliseconds: int) -> "CommandReturn | int":
        player = self._player
        if player is not None and player is not entry and player.alive():
            return ErrorCode.RESERVE
        if number == _STOP:
            if player is None:
                return ErrorCode.OFF
            self._alarm.disarm()
            self._over()
            return SUCCESS
        if player is entry:
            # Others' turn comes when it would have come.
            status = self._pwm.pulse(0, hertz, _DUTY) if self._queue.is_wanted() else self._sound(hertz, milliseconds)
            return status if status else SUCCESS
        self._player = None  # it has ended
        self._queue.over()
        return self._ask(entry, slot, hertz, milliseconds)

    def _begin(self, entry: Entry, what: int) -> int:
        entry[_WAITS] = 0
        status = self._sound(entry[_HZ], entry[_MS])
        if status == 0:
            self._player = entry
        return status

    def _refuse(self, entry: Entry, status: int) -> None:
        """Its turn has come, and there is no such tone."""
        entry.schedule_upcall(0, status, 0, 0)

    def _sound(self, hertz: int, milliseconds: int) -> int:
        status = self._pwm.pulse(0, hertz, _DUTY)
        if status == 0:
            self._alarm.set_alarm(int(self._hertz) * int(milliseconds) // 1000 + 1)
        return status

    def _over(self) -> None:
        self._player = None
        self._pwm.stop(0)
        entry = self._queue.over()
        if entry is not None:
            entry.schedule_upcall(0, 0, 0, 0)
        self._queue.go_on()
