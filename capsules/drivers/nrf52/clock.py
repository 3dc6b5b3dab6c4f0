"""Clocks and reset reasons: nRF52840 Product Specification v1.7, 5.4 "CLOCK" and 5.3 "POWER", which share a block."""

from typing import Callable

from kernel import Callback, InterruptLine, Registers, call_client, callback, log, shared
from micropython import const

# 5.4 "CLOCK", registers
_HFCLKSTART = const(0x000)
_HFCLKSTOP = const(0x004)
_LFCLKSTART = const(0x008)
_LFCLKSTOP = const(0x00C)
_HFCLKSTARTED = const(0x100)
_INTENSET = const(0x304)
_INTENCLR = const(0x308)
_HFCLKSTAT = const(0x40C)
_LFCLKSTAT = const(0x418)
_LFCLKSRC = const(0x518)

_INT_HFCLKSTARTED = const(1)
_ALL = const(0xFFFFFFFF)
_STATE_BIT = const(16)  # CLOCK, "HFCLKSTAT", "LFCLKSTAT"
_CRYSTAL_RUNS = const(1 << 16 | 1)  # HFCLKSTAT: running, from the crystal
_SOURCE_BITS = const(2)
_STACK = const(640)  # what other shared code calls needs less than that
_LOOKS = const(10_000)  # until the clock runs, or has stopped: well below a millisecond
_LOOKS_HIGH = const(100)  # the same of the crystal: some 100 microseconds

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


class HighClock:
    """One user's claim to the crystal; a HIL ExactClock."""

    def __init__(self, clock: "Clock", number: int) -> None:
        self._request, self._release = clock.shared
        self._number = number
        self._running: "Callback | None" = None

    def set_client(self, running: "Callable[[], None]") -> None:
        self._running = callback(running)

    def request(self) -> int:
        return self._request(self._number, self._running)

    def release(self) -> None:
        self._release(self._number)


class Clock:
    """A HIL Clocks. The exact clock of high frequency is the 32 MHz crystal, which takes the RC oscillator's place.

    It needs some 230 uA, also while the processor sleeps, so it runs only while somebody claims it.
    """

    def __init__(self, registers: Registers, line: InterruptLine, source: int) -> None:
        self.shared = (shared(self._request, _STACK), shared(self._release, _STACK))  # for its users
        self._registers = registers
        self._high = registers.field(_HFCLKSTAT, 0, _STATE_BIT + 1)
        self._started = registers.field(_HFCLKSTARTED, 0, 1)
        self._low = registers.field(_LFCLKSTAT, _STATE_BIT, 1)
        self._low_source = registers.field(_LFCLKSTAT, 0, _SOURCE_BITS)
        self._reset = registers.field(_RESETREAS, 0, _REASON_BITS)
        self._source = source  # of the clock of low frequency
        self._reasons = 0
        self._clients: "list[Callback | None]" = []  # of each user
        self._claims = 0  # a bit for each user
        self._waiting = 0  # and for each who has to be told when it runs,
        self._telling = 0  # or is being told
        registers.write(_INTENCLR, _ALL)  # what a bootloader has left
        registers.write(_INTENSET, _INT_HFCLKSTARTED)
        line.enable(self._interrupt)

    def start(self) -> None:
        """The clock of low frequency; the other one is stopped, for a bootloader may have started it. Why a reset was, is said."""
        self._reasons = self._reset()
        self._registers.write(_RESETREAS, _REASONS)  # they add up otherwise, over resets
        self.report_reset()
        self._registers.write(_HFCLKSTOP, 1)
        self._started(0)
        self.start_low(self._source)

    def new_high(self) -> HighClock:
        """Make one more user's claim; only while the board is wired."""
        self._clients.append(None)
        return HighClock(self, len(self._clients) - 1)

    def _request(self, number: int, running: "Callback | None") -> int:
        bit = 1 << number
        if self._claims == 0:
            # It may have been released just now: it takes a moment to stop, in which it must not be started.
            for _ in range(_LOOKS_HIGH):
                if not self.is_high_running():
                    break
            self._registers.write(_HFCLKSTART, 1)
        self._claims |= bit
        if self.is_high_running():
            return 1
        self._waiting |= bit
        self._clients[number] = running
        return 0

    def _release(self, number: int) -> None:
        bit = 1 << number
        self._waiting &= ~bit
        self._telling &= ~bit
        self._claims &= ~bit
        if self._claims == 0:
            self._registers.write(_HFCLKSTOP, 1)

    def _interrupt(self) -> None:
        """It has started, which is reported twice by some chips (anomaly 201), or had, and was stopped meanwhile. Once more after
        a call that was cut short: who was being told then may hear it again.
        """
        self._started(0)
        if not self.is_high_running():
            return
        self._telling |= self._waiting
        self._waiting &= ~self._telling
        for number in range(len(self._clients)):
            if self._telling >> number & 1:
                running = self._clients[number]
                if running is not None:
                    call_client(running)
                self._telling &= ~(1 << number)

    def is_high_running(self) -> int:
        return int(self._high() & _CRYSTAL_RUNS == _CRYSTAL_RUNS)

    def start_low(self, source: int) -> None:
        # A bootloader, or the watchdog, may have started it. The source of a running clock cannot be changed, and one that
        # does not run must not be stopped (5.4).
        if self._low() and self._low_source() != source:
            self._registers.write(_LFCLKSTOP, 1)
            self._wait_until_low(0)
        # While a crystal starts, which takes a quarter of a second, the RC oscillator fills in. Until that runs, some 0.6 ms,
        # the counters say anything (anomaly 20), so nobody may ask them what time it is.
        self._registers.write(_LFCLKSRC, source)
        self._registers.write(_LFCLKSTART, 1)
        self._wait_until_low(1)

    def _wait_until_low(self, runs: int) -> None:
        for _ in range(_LOOKS):
            if self._low() == runs:
                return

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
