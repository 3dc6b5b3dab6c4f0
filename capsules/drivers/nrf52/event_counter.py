"""A TIMER that counts events: nRF52840 Product Specification v1.7, 6.30 "TIMER".

In counter mode it counts how often its task COUNT is triggered. The board connects that task to an event of another
peripheral by a channel of the PPI (6.16), so each event is counted in hardware, however late the kernel is. A counter
that nothing happens to needs no clock (6.30, "Counter mode").
"""

from typing import Callable

from kernel import InterruptLine, Registers
from micropython import const

# 6.30 "TIMER", registers
_START = const(0x000)
_STOP = const(0x004)
_CLEAR = const(0x00C)
_CAPTURE1 = const(0x044)
_COMPARE0 = const(0x140)
_SHORTS = const(0x200)
_INTENSET = const(0x304)
_INTENCLR = const(0x308)
_MODE = const(0x504)
_BITMODE = const(0x508)
_CC0 = const(0x540)
_CC1 = const(0x544)

_INT_COMPARE0 = const(1 << 16)
_MODE_LOW_POWER_COUNTER = const(2)
_BITMODE_24 = const(2)

_ALL = const(0xFFFFFFFF)
_WIDTH = const(24)
_MASK = const(0xFFFFFF)
_HALF = const(0x7FFFFF)

_IDLE = const(0)
_ARMED = const(1)
_REACHED = const(2)  # the client is being called, or was cut short


class TimerCounter:
    """A HIL EventCounter."""

    def __init__(self, registers: Registers, line: InterruptLine) -> None:
        self._capture = registers.field(_CAPTURE1, 0, 32)
        self._captured = registers.field(_CC1, 0, _WIDTH)
        self._compare = registers.field(_CC0, 0, 32)
        self._event = registers.field(_COMPARE0, 0, 1)
        self._trigger = line.trigger
        self._reached: "Callable[[], None]" = self._ignore
        self._target = 0
        self._state = _IDLE
        registers.write(_STOP, 1)  # a bootloader may have used it, and the mode is changed while it stands still (6.30)
        registers.write(_INTENCLR, _ALL)
        registers.write(_SHORTS, 0)
        registers.write(_MODE, _MODE_LOW_POWER_COUNTER)
        registers.write(_BITMODE, _BITMODE_24)
        registers.write(_CLEAR, 1)
        self._event(0)
        registers.write(_INTENSET, _INT_COMPARE0)
        line.enable(self._interrupt)
        registers.write(_START, 1)

    def now(self) -> int:
        self._capture(1)
        return self._captured()

    def set_client(self, reached: "Callable[[], None]") -> None:
        self._reached = reached

    def set_target(self, count: int) -> None:
        self._target = count
        self._state = _ARMED
        self._compare(count)
        if (self.now() - count) & _MASK <= _HALF:  # it may have been reached before it was written
            self._trigger()

    def _interrupt(self) -> None:
        """From the hardware, and once more after a call that was cut short: then the client is called again."""
        self._event(0)
        # A match of an earlier target proves nothing about this one.
        if self._state == _IDLE or (self.now() - self._target) & _MASK > _HALF:
            return
        self._state = _REACHED
        self._reached()
        if self._state == _REACHED:  # nobody has set another
            self._state = _IDLE

    def _ignore(self) -> None:
        """The client, until there is one."""
