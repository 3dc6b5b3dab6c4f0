"""Real-time counter: nRF52840 Product Specification v1.7, 6.22 "RTC".

It counts the 32.768 kHz clock, in 24 bits, for ever; compare register 0 is the alarm.
"""

from typing import Callable

from kernel import InterruptLine, Registers
from micropython import const

# 6.22 "RTC", registers
_START = const(0x000)
_STOP = const(0x004)
_CLEAR = const(0x008)
_COMPARE = const(0x140)
_INTENSET = const(0x304)
_INTENCLR = const(0x308)
_EVTENCLR = const(0x348)
_COUNTER = const(0x504)
_PRESCALER = const(0x508)
_CC = const(0x540)

_INT_COMPARE = const(1 << 16)  # RTC, "INTENSET"

_ALL = const(0xFFFFFFFF)

_HZ = const(32768)
_WIDTH = const(24)
_LOOKS = const(1000)
_MASK = const(0xFFFFFF)
_HALF = const(0x7FFFFF)
_IDLE = const(0)
_ARMED = const(1)
_FIRING = const(2)  # the client is being called, or was cut short
_AHEAD = const(2)  # 6.22: "writing N+2 to a CC register is guaranteed to trigger"; nearer values are not


class RtcAlarm:
    """A HIL Alarm. The interrupt proves nothing, the counter does.

    A compare register that is written within two ticks of the counter may miss, and one that was about to match
    may do so with its old value (6.22). So what was written is compared with the counter, before and after.
    """

    def __init__(self, registers: Registers, line: InterruptLine) -> None:
        self.frequency = _HZ << 8  # shifted left to 32 bits
        self.now = registers.field(_COUNTER, 0, _WIDTH).read
        self._compare = registers.field(_CC, 0, _WIDTH)
        event = registers.field(_COMPARE, 0, 1)
        self._trigger = line.trigger
        self._fired: "Callable[[], None]" = self._ignore
        self._due = 0
        self._state = _IDLE
        # A bootloader may have left it running, with interrupts of its own.
        registers.write(_STOP, 1)
        registers.write(_CLEAR, 1)
        registers.write(_INTENCLR, _ALL)
        registers.write(_EVTENCLR, _ALL)
        registers.write(_INTENSET, _INT_COMPARE)
        line.enable_acknowledged(self._interrupt, event, 0)
        self._registers = registers

    def start(self) -> None:
        """Count. The clock of low frequency runs before: without it, the task may do nothing (6.22)."""
        # PRESCALER is written while the counter stands still (6.22), and STOP takes up to 46 us (6.22.8).
        for _ in range(_LOOKS):
            self._registers.write(_PRESCALER, 0)
            if not self._registers.read(_PRESCALER):
                break
        self._registers.write(_START, 1)

    def set_client(self, fired: "Callable[[], None]") -> None:
        self._fired = fired

    def set_alarm(self, dt: int) -> None:
        now = self.now()
        self._due = (now + dt) & _MASK
        self._state = _ARMED
        self._aim(now)

    def _aim(self, now: int) -> None:
        """Have the interrupt come when the alarm is due, or soon; whether it is due, the handler sees."""
        left = (self._due - now) & _MASK
        if 0 < left <= _HALF:
            at = self._due if left >= _AHEAD else (now + _AHEAD) & _MASK
            self._compare(at)
            left = (at - self.now()) & _MASK
            if _AHEAD <= left <= _HALF:  # it was so when it was written, too
                return
        self._trigger()

    def disarm(self) -> None:
        self._state = _IDLE

    def _interrupt(self) -> None:
        """From the hardware, and once more after a call that was cut short: then the client is called again."""
        if self._state == _IDLE:
            return
        now = self.now()
        if (now - self._due) & _MASK > _HALF:  # not yet: the old value has matched, or it was too near
            self._aim(now)
            return
        self._state = _FIRING
        self._fired()
        if self._state == _FIRING:  # nobody has set or disarmed it
            self._state = _IDLE

    def _ignore(self) -> None:
        """The client, until there is one."""
