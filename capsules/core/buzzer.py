"""A buzzer for user programs. Tones of several processes sound one after the other.

Driver number 0x90000 (Tock: capsules/extra/src/buzzer_driver.rs).

Command
    0 exists               -> success
    1 tone    Hz ms        -> success; when the buzzer is free; at most 5,000 ms. INVAL if it has no such frequency, NOMEM; also if
                              this process waits for its turn
    2 at once Hz ms        -> success; in place of this process's own tone. RESERVE if another one's sounds, INVAL, NOMEM
    3 stop                 -> success, RESERVE, OFF if nothing sounds, NOMEM

Subscribe
    0 done: (0, 0, 0)  the tone is over, or was stopped
"""

from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId
from micropython import const

from capsules.hil.pwm import Pwm
from capsules.hil.time import Alarm
from capsules.virtual.turns import Turns

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
        self._turns = Turns(grant)
        self._player: "Entry | None" = None
        self._sounds = False
        alarm.set_client(self._over)

    def command(self, number: int, hertz: int, milliseconds: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number < 0 or number > _STOP:
            return ErrorCode.NOSUPPORT
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        player = self._player
        others = self._sounds and player is not entry and player is not None and player.alive()
        if number == _TONE:
            return self._tone(entry, hertz, milliseconds if 0 <= milliseconds < _LONGEST else _LONGEST)
        if others:
            return ErrorCode.RESERVE
        if number == _AT_ONCE:
            return self._play(entry, hertz, milliseconds if 0 <= milliseconds < _LONGEST else _LONGEST)
        if not self._sounds:
            return ErrorCode.OFF
        self._alarm.disarm()
        self._over()
        return SUCCESS

    def _tone(self, entry: Entry, hertz: int, milliseconds: int) -> "CommandReturn | int":
        if not self._sounds:
            return self._play(entry, hertz, milliseconds)
        if entry[_WAITS]:
            return ErrorCode.NOMEM
        entry[_HZ] = hertz
        entry[_MS] = milliseconds
        entry[_WAITS] = 1
        return SUCCESS

    def _play(self, entry: Entry, hertz: int, milliseconds: int) -> "CommandReturn | int":
        status = self._pwm.pulse(0, hertz, _DUTY)
        if status:
            return status
        self._player = entry
        self._sounds = True
        self._alarm.set_alarm(int(self._hertz) * int(milliseconds) // 1000 + 1)
        return SUCCESS

    def _over(self) -> None:
        player = self._player
        self._player = None
        self._sounds = False
        self._pwm.stop(0)
        if player is not None and player.alive():
            player.schedule_upcall(0, 0, 0, 0)
        while not self._sounds:
            entry = self._turns.whose()
            if entry is None:
                return
            entry[_WAITS] = 0
            if self._play(entry, entry[_HZ], entry[_MS]) is not SUCCESS:
                entry.schedule_upcall(0, 0, 0, 0)
