"""Watchdog timer: nRF52840 Product Specification v1.7, 6.36 "WDT", registers in 6.36.4."""

from kernel import Registers
from micropython import const

from capsules.hil.time import Alarm

# 6.36.4, "Registers"
_START = const(0x000)
_RUNSTATUS = const(0x400)
_CRV = const(0x504)
_RREN = const(0x508)
_CONFIG = const(0x50C)
_RR0 = const(0x600)

_RUN_WHILE_SLEEPING = const(1 << 0)  # and not while a debugger has halted the processor: bit 3
_RELOAD = const(0x6E524635)  # 6.36.4, "RR[n]"
_HZ = const(32768)  # 6.36.1: timeout = (CRV + 1) / 32768


class Watchdog:
    """A HIL Watchdog. It resets the chip when the kernel's loop has not come around for so many seconds.

    It feeds itself from an alarm, so from the kernel's loop. Once it runs, only a reset stops it (6.36.1).
    """

    def __init__(self, registers: Registers, alarm: Alarm, seconds: int) -> None:
        self._reload = registers.field(_RR0, 0, 32)
        self._set_alarm = alarm.set_alarm
        self._period = int(seconds) * (int(alarm.frequency) >> 8) // 4
        if registers.read(_RUNSTATUS) == 0:  # a bootloader may have started it; then it is as it is
            registers.write(_CRV, int(seconds) * _HZ - 1)
            registers.write(_RREN, 1)
            registers.write(_CONFIG, _RUN_WHILE_SLEEPING)
            registers.write(_START, 1)
        alarm.set_client(self.feed)
        self.feed()

    def feed(self) -> None:
        self._reload(_RELOAD)
        self._set_alarm(self._period)
