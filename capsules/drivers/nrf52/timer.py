"""Timer: nRF52840 Product Specification v1.7, 6.30 "TIMER".

It counts the high-frequency clock, 24 bits wide; compare register 0 is the alarm, 1 is for reading.
It needs that clock, and so power, as long as it runs; the RTC needs less.
"""

from typing import Callable

from kernel import InterruptLine, Registers
from micropython import const

# 6.30 "TIMER", registers
_START = const(0x000)
_CAPTURE1 = const(0x044)
_COMPARE0 = const(0x140)
_INTENSET = const(0x304)
_MODE = const(0x504)
_BITMODE = const(0x508)
_PRESCALER = const(0x510)
_CC0 = const(0x540)
_CC1 = const(0x544)

_INT_COMPARE0 = const(1 << 16)
_MODE_TIMER = const(0)
_BITMODE_24 = const(2)
_PRESCALE_16 = const(4)  # 16 MHz / 2 ** 4

_HZ = const(1_000_000)
_WIDTH = const(24)
_MASK = const(0xFFFFFF)
_HALF = const(0x7FFFFF)
_AHEAD = const(2)  # microseconds: what is nearer may pass while it is written

_IDLE = const(0)
_ARMED = const(1)
_FIRING = const(2)  # the client is being called, or was cut short


class TimerAlarm:
    """A HIL Alarm of 1 MHz."""

    def __init__(self, registers: Registers, line: InterruptLine) -> None:
        self.frequency = _HZ << 8  # shifted left to 32 bits
        self._capture = registers.field(_CAPTURE1, 0, 32)
        self._captured = registers.field(_CC1, 0, _WIDTH)
        self._compare = registers.field(_CC0, 0, _WIDTH)
        self._event = registers.field(_COMPARE0, 0, 1)
        self._trigger = line.trigger
        self._fired: "Callable[[], None]" = self._ignore
        self._due = 0
        self._state = _IDLE
        registers.write(_MODE, _MODE_TIMER)
        registers.write(_BITMODE, _BITMODE_24)
        registers.write(_PRESCALER, _PRESCALE_16)
        self._event(0)
        registers.write(_INTENSET, _INT_COMPARE0)
        line.enable(self._interrupt)
        registers.write(_START, 1)

    def now(self) -> int:
        self._capture(1)
        return self._captured()

    def set_client(self, fired: "Callable[[], None]") -> None:
        self._fired = fired

    def set_alarm(self, dt: int) -> None:
        self._due = (self.now() + dt) & _MASK
        self._state = _ARMED
        self._compare(self._due)
        self._look()

    def _look(self) -> None:
        """If it is due, or may have passed before it was written, the handler sees."""
        if not _AHEAD <= (self._due - self.now()) & _MASK <= _HALF:
            self._trigger()

    def disarm(self) -> None:
        self._state = _IDLE

    def _interrupt(self) -> None:
        """From the hardware, and once more after a call that was cut short: then the client is called again."""
        self._event(0)
        if self._state == _IDLE:
            return
        if (self.now() - self._due) & _MASK > _HALF:  # not yet: it was an earlier alarm's match, or too near
            self._look()
            return
        self._state = _FIRING
        self._fired()
        if self._state == _FIRING:  # nobody has set or disarmed it
            self._state = _IDLE

    def _ignore(self) -> None:
        """The client, until there is one."""
