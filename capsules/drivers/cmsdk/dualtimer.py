"""CMSDK APB dual timer: Arm Cortex-M System Design Kit TRM (DDI 0479), 4.6, table 4-16.

The first timer counts for ever and is the time; the second counts down once to the alarm.
"""

from typing import Callable

from kernel import InterruptLine, Registers
from micropython import const

_TIMER1_VALUE = const(0x04)
_TIMER1_CONTROL = const(0x08)
_TIMER2_LOAD = const(0x20)
_TIMER2_CONTROL = const(0x28)
_TIMER2_INTCLR = const(0x2C)

_ONE_SHOT = const(0x01)
_SIZE_32_BIT = const(0x02)
_PRESCALE_256 = const(0x08)
_INTERRUPT = const(0x20)
_ENABLE = const(0x80)


class DualTimerAlarm:
    """A HIL Alarm."""

    def __init__(self, registers: Registers, line: InterruptLine, clock: int) -> None:
        self.frequency = clock  # the prescaler divides by 256, as the shift multiplies
        # The lower 24 bits, upside down: the timer counts down.
        self.now = registers.field(_TIMER1_VALUE, 0, 24, True).read
        self._load = registers.field(_TIMER2_LOAD, 0, 32)
        self._control = registers.field(_TIMER2_CONTROL, 0, 8)
        self._clear = registers.field(_TIMER2_INTCLR, 0, 32)
        self._line = line
        registers.write(_TIMER1_CONTROL, _ENABLE | _SIZE_32_BIT | _PRESCALE_256)
        self.set_client(self._ignore)

    def set_client(self, fired: "Callable[[], None]") -> None:
        self._line.enable_acknowledged(fired, self._clear, 1)

    def set_alarm(self, dt: int) -> None:
        self._control(0)
        # The prescalers of the two timers are not in step: one tick more is never too early.
        self._load(dt + 1)
        self._control(_ENABLE | _INTERRUPT | _SIZE_32_BIT | _PRESCALE_256 | _ONE_SHOT)

    def disarm(self) -> None:
        self._control(0)

    def _ignore(self) -> None:
        """The client, until there is one."""
