"""Clocks and reset reasons: nRF52840 Product Specification v1.7, 5.4 "CLOCK" and 5.3 "POWER", which share a block."""

from kernel import Registers, log
from micropython import const

# 5.4 "CLOCK", registers
_HFCLKSTART = const(0x000)
_HFCLKSTOP = const(0x004)
_LFCLKSTART = const(0x008)
_LFCLKSTOP = const(0x00C)
_HFCLKSTAT = const(0x40C)
_LFCLKSTAT = const(0x418)
_LFCLKSRC = const(0x518)

_STATE_BIT = const(16)  # CLOCK, "HFCLKSTAT", "LFCLKSTAT"
_SOURCE_BITS = const(2)
_LOOKS = const(10_000)  # until the clock has stopped: three ticks of it, well below a millisecond

# What the 32.768 kHz clock comes from: CLOCK, "LFCLKSRC"
SOURCE_RC = const(0)
SOURCE_CRYSTAL = const(1)
SOURCE_SYNTHESIZED = const(2)

_RESETREAS = const(0x400)  # POWER, "RESETREAS"; ones clear
_REASON_BITS = const(21)
_REASONS = const(0x1F000F)
_PIN = const(1 << 0)
_WATCHDOG = const(1 << 1)
_SOFTWARE = const(1 << 2)
_LOCKUP = const(1 << 3)
_OFF = const(1 << 16)


class Clock:
    """A HIL Clocks. The exact clock of high frequency is the 32 MHz crystal, in place of the RC oscillator."""

    def __init__(self, registers: Registers, source: int) -> None:
        self._registers = registers
        self._high = registers.field(_HFCLKSTAT, _STATE_BIT, 1)
        self._low = registers.field(_LFCLKSTAT, _STATE_BIT, 1)
        self._low_source = registers.field(_LFCLKSTAT, 0, _SOURCE_BITS)
        self._reset = registers.field(_RESETREAS, 0, _REASON_BITS)
        self._source = source  # of the clock of low frequency
        self._reasons = 0

    def start(self) -> None:
        """Both clocks; and say why the chip was reset."""
        self._reasons = self._reset()
        self._registers.write(_RESETREAS, _REASONS)  # they add up otherwise, over resets
        self.report_reset()
        self.start_low(self._source)
        self.start_high()

    def start_high(self) -> None:
        self._registers.write(_HFCLKSTART, 1)

    def stop_high(self) -> None:
        self._registers.write(_HFCLKSTOP, 1)

    def is_high_running(self) -> int:
        return self._high()

    def start_low(self, source: int) -> None:
        # A bootloader, or the watchdog, may have started it. The source of a running clock cannot be changed, and one that
        # does not run must not be stopped (5.4).
        if self._low() and self._low_source() != source:
            self._registers.write(_LFCLKSTOP, 1)
            for _ in range(_LOOKS):
                if not self._low():
                    break
        # While a crystal starts, which takes a quarter of a second, the RC oscillator fills in.
        self._registers.write(_LFCLKSRC, source)
        self._registers.write(_LFCLKSTART, 1)

    def is_low_running(self) -> int:
        return self._low()

    def reset_reasons(self) -> int:
        return self._reasons

    def report_reset(self) -> None:
        if self._reasons & _PIN:  # anomaly 136: then the others mean nothing
            log("reset by the reset pin")
        elif self._reasons & _WATCHDOG:
            log("reset by the watchdog: the kernel did not come around")
        elif self._reasons & _LOCKUP:
            log("reset by a lock-up of the processor")
        elif self._reasons & _SOFTWARE:
            log("reset by software")
        elif self._reasons & _OFF:
            log("woken from power-off")
