"""Watchdog timer: nRF52840 Product Specification v1.7, 6.36 "WDT".

It stands still while the processor sleeps, so that nothing has to wake it up. What is awake is the kernel's loop, or a
program or driver that it has called; as long as the loop comes round, it feeds the watchdog.
"""

from kernel import InterruptLine, Registers
from micropython import const

from capsules.hil.time import Alarm

# 6.36 "WDT", registers
_START = const(0x000)
_RUNSTATUS = const(0x400)
_CRV = const(0x504)
_RREN = const(0x508)
_CONFIG = const(0x50C)
_RR0 = const(0x600)
_REGISTERS = const(8)

_RUN_WHILE_SLEEPING = const(1 << 0)  # CONFIG; bit 3: also while a debugger has halted the processor
_RELOAD = const(0x6E524635)  # "RR[n]"
_HZ = const(32768)  # timeout = (CRV + 1) / 32768
_LONGEST = const(64 * 32768)  # in the same unit; shorter than half a round of the alarm's counter


class Watchdog:
    """A HIL Watchdog. It resets the chip when the kernel's loop has not come round for so many seconds of work.

    `line` is raised by the kernel's loop. Once it runs, only a reset stops it, or changes it: one that a bootloader has
    left running while the processor sleeps is fed from `alarm` as well, four times in its time.
    """

    def __init__(self, registers: Registers, line: InterruptLine, alarm: Alarm, seconds: int) -> None:
        self._registers = registers
        self._alarm = alarm
        self._seconds = seconds
        self._period = 0  # in ticks; 0: nobody has to be woken up
        self._named = 0  # a bit for each register that is to be written
        alarm.set_client(self._wake)
        line.enable(self.feed)

    def start(self) -> None:
        registers = self._registers
        running = registers.read(_RUNSTATUS)
        if not running:
            registers.write(_CRV, int(self._seconds) * _HZ - 1)
            registers.write(_RREN, 1)
            registers.write(_CONFIG, 0)
            registers.write(_START, 1)
        # It counts on until each register that RREN names has been written (6.36): a bootloader may have named several.
        self._named = registers.read(_RREN)
        if running and registers.read(_CONFIG) & _RUN_WHILE_SLEEPING:
            self._period = int(min(registers.read(_CRV) // 4, _LONGEST)) * (int(self._alarm.frequency) >> 8) // _HZ
            self._wake()
        else:
            self.feed()

    def feed(self) -> None:
        for number in range(_REGISTERS):
            if self._named >> number & 1:
                self._registers.write(_RR0 + (number << 2), _RELOAD)

    def _wake(self) -> None:
        self.feed()
        self._alarm.set_alarm(self._period)
