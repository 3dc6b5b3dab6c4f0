"""The report of a bring-up, a line for each test, told in three ways: on the console, through a debug probe, by an LED.

The probe finds all of it in RAM at any time, as SEGGER's RTT: a ring that is as large as the report and never begins anew
(capsules/drivers/rtt.py has the block's layout). The LED blinks evenly when nothing has failed; else the number of the first test
that has: its tens as long flashes, its ones as short ones, then a pause.
"""

from typing import Callable

from cells import Buffer
from kernel import Registers, log
from micropython import const

from capsules.hil.led import Led
from capsules.hil.time import Alarm

_ID = const(0x00)
_MAX_UP = const(0x10)
_MAX_DOWN = const(0x14)
_UP_NAME = const(0x18)
_UP_WRITTEN = const(0x24)
_UP_READ = const(0x28)
_UP_FLAGS = const(0x2C)

_SEGG = const(0x47474553)
_ER_R = const(0x52205245)
_TT = const(0x00005454)

_SIZE = const(4096)

# In sixteenths of a second.
_EVEN = const(8)
_SHORT = const(3)
_LONG = const(12)
_PAUSE = const(32)


class Report:
    """Collects the lines. Its client is told when a test has said that it is done."""

    def __init__(self, probe: "Registers | None", led: Led, alarm: Alarm) -> None:
        self._probe = probe
        self._kept = Buffer(_SIZE)
        self._at = 0
        self._led = led
        self._alarm = alarm
        self._sixteenth = (int(alarm.frequency) >> 8) // 16
        self._ok = 0
        self._failed = 0
        self._skipped = 0
        self._test = 0  # the number of the one that is under way
        self._first = 0  # and of the first that has failed
        self._over = False
        self._flash = 0
        self._done: "Callable[[str], None]" = self._nobody
        alarm.set_client(self._blink)

    def start(self) -> None:
        """Write the block for the probe."""
        probe = self._probe
        if probe is not None:
            for offset in (_ID, _MAX_DOWN, _UP_NAME, _UP_WRITTEN, _UP_READ, _UP_FLAGS):
                probe.write(offset, 0)
            probe.start_dma("tx", self._kept, _SIZE)
            probe.write(_MAX_UP, 1)
            probe.write(_ID + 4, _ER_R)
            probe.write(_ID + 8, _TT)
            probe.write(_ID + 12, 0)
            probe.write(_ID, _SEGG)

    def set_client(self, done: "Callable[[str], None]") -> None:
        self._done = done

    # -- For the tests --

    def measured(self, name: str, value: int, low: int, high: int, unit: str) -> None:
        """A number that has to be in a range."""
        good = low <= value <= high
        self._judge(f"{name} {value} {unit} [{low} to {high}]", good)

    def checked(self, name: str, good: bool, found: str) -> None:
        """Something that is right or wrong, with what was found."""
        self._judge(f"{name} {found}", good)

    def skipped(self, name: str, why: str) -> None:
        """A test that could not be made here."""
        self._skipped += 1
        self.say(f"{name} skipped: {why}")

    def done(self, name: str) -> None:
        """The test of this name has nothing more to say."""
        self._done(name)

    # -- For the bench --

    def say(self, text: str) -> None:
        """A line as it is."""
        log("= " + text)
        self._keep("= ")
        self._keep(text)
        self._keep("\r\n")
        if self._probe is not None:
            self._probe.write(_UP_WRITTEN, self._at)

    def begin(self, number: int) -> None:
        """The next lines are of the test of this number, from 1."""
        self._test = number

    def end(self, blinks: bool) -> None:
        """That was the last test. `blinks`: there is an alarm that works; else the LED is just lit."""
        self.say(f"end: {self._ok} ok, {self._failed} failed, {self._skipped} skipped")
        self._over = True
        self._led.on()
        if blinks:
            self._blink()

    def _judge(self, text: str, good: bool) -> None:
        if good:
            self._ok += 1
            self.say(text + " ok")
            return
        self._failed += 1
        if self._first == 0:
            self._first = self._test
        self.say(text + " FAIL")

    def _keep(self, text: str) -> None:
        at = self._at
        for character in text:
            if at < _SIZE - 1:  # a full ring would look like an empty one
                self._kept[at] = ord(character)
                at += 1
        self._at = at

    def _blink(self) -> None:
        """The next change of the LED: in even flashes it is lit."""
        if not self._over:
            return
        first = self._first
        if first == 0:
            self._led.toggle()
            self._alarm.set_alarm(int(self._sixteenth) * _EVEN)
            return
        tens = int(first) // 10
        flash = self._flash >> 1
        if flash == tens + int(first) % 10:
            self._led.off()
            self._flash = 0
            self._alarm.set_alarm(int(self._sixteenth) * _PAUSE)
            return
        if self._flash & 1:
            self._led.off()
        else:
            self._led.on()
        self._flash += 1
        self._alarm.set_alarm(int(self._sixteenth) * (_LONG if flash < tens else _SHORT))

    def _nobody(self, name: str) -> None:
        """The client, until there is one."""
