"""The tests of a bring-up that are about the nRF52840 itself: clocks, cache, interrupts, sleep, watchdog, a second UART.

Registers are of its Product Specification v1.7; the processor's cycle counter (DWT) is of the ARMv7-M Architecture Reference
Manual, C1.8. What counts what: RTC0 the clock of 32,768 Hz, which all of this is measured by; TIMER0 the one of high frequency;
CYCCNT the processor's, as long as it is awake; SysTick, by the time slices of programs.
"""

from cells import Buffer
from kernel import InterruptLine, ProcessControl, Registers
from micropython import const

from capsules.bringup.jobs import Jobs
from capsules.bringup.report import Report
from capsules.bringup.storage import FlashBits, Restarted
from capsules.hil.gpio import Pin
from capsules.hil.system import ExactClock
from capsules.hil.time import Alarm

# capsules/bringup/jobs.py
_WORK = const(1)
_SPIN = const(8)

_HZ = const(32768)
_MASK = const(0xFFFFFF)

# RTC
_COUNTER = const(0x504)

# CLOCK, POWER
_LFCLKSTAT = const(0x418)
_LFCLKSRC = const(0x518)
_RESETREAS = const(0x400)
_RUNS = const(1 << 16)

# TIMER
_START = const(0x000)
_CAPTURE1 = const(0x044)
_COMPARE0 = const(0x140)
_INTENSET = const(0x304)
_BITMODE = const(0x508)
_PRESCALER = const(0x510)
_CC0 = const(0x540)
_CC1 = const(0x544)
_INT_COMPARE0 = const(1 << 16)
_BITMODE_32 = const(3)

# DWT; DEMCR is another window
_DWT_CTRL = const(0x0)
_CYCCNT = const(0x4)
_CYCCNTENA = const(1)
_NOCYCCNT = const(1 << 25)
_TRCENA = const(1 << 24)

# WDT
_RUNSTATUS = const(0x400)
_CRV = const(0x504)
_RREN = const(0x508)
_CONFIG = const(0x50C)
_RR0 = const(0x600)
_RELOAD = const(0x6E524635)

# UARTE
_STARTRX = const(0x000)
_STOPRX = const(0x004)
_STARTTX = const(0x008)
_STOPTX = const(0x00C)
_ENABLE = const(0x500)
_PSEL_TXD = const(0x50C)
_PSEL_RXD = const(0x514)
_BAUDRATE = const(0x524)
_BAUD_115200 = const(0x01D60000)
_UARTE = const(8)

_TURNS = const(400)  # of a loop that takes longer than some ticks of 30 us
_SPIN_MS = const(64)
_AHEAD = const(8000)  # half a millisecond of TIMER0
_SLEEP = const(3277)  # a tenth of a second
_BYTES = const(16)
_SECOND = const(32768)


class Meters:
    """TIMER0 at 16 MHz, and the processor's cycle counter."""

    def __init__(self, timer: Registers, dwt: Registers, debug: Registers) -> None:
        self._timer = timer
        self._dwt = dwt
        self._debug = debug

    def begin(self) -> None:
        """Have both count."""
        self._timer.write(_BITMODE, _BITMODE_32)
        self._timer.write(_PRESCALER, 0)
        self._timer.write(_START, 1)
        self._debug.write(0, _TRCENA)
        self._dwt.write(_DWT_CTRL, _CYCCNTENA)

    def high(self) -> int:
        """TIMER0."""
        self._timer.write(_CAPTURE1, 1)
        return self._timer.read(_CC1)

    def cycles(self) -> int:
        """CYCCNT."""
        return self._dwt.read(_CYCCNT)

    def counts_cycles(self) -> bool:
        """Whether this processor does."""
        return not self._dwt.read(_DWT_CTRL) & _NOCYCCNT


class ResetReasons:
    """Notes why the chip was reset, before the driver of the clocks clears it."""

    def __init__(self, clock: Registers) -> None:
        self._clock = clock
        self._reasons = 0

    def start(self) -> None:
        self._reasons = self._clock.read(_RESETREAS)

    def read(self) -> int:
        """RESETREAS at boot."""
        return self._reasons


class Counters:
    """Both real-time counters count. Without RTC0 there are no alarms, and nothing else can be tried."""

    def __init__(self, report: Report, rtc0: Registers, rtc1: Registers) -> None:
        self.name = "counters"
        self.limit = 500
        self._report = report
        self._rtc0 = rtc0
        self._rtc1 = rtc1

    def begin(self) -> None:
        moves = self._moves(self._rtc0)
        self._report.checked("rtc0", moves, "counts" if moves else "stands still")
        if not moves:
            self._report.say("nothing else can be tried without RTC0")
            self._report.end(False)
            return
        moves = self._moves(self._rtc1)
        self._report.checked("rtc1", moves, "counts" if moves else "stands still")
        self._report.done(self.name)

    def _moves(self, registers: Registers) -> bool:
        begun = registers.read(_COUNTER)
        for _ in range(_TURNS):
            if registers.read(_COUNTER) != begun:
                return True
        return False


class Bite:
    """Lets the watchdog bite: the board begins anew, and the next boot says whether that was it."""

    def __init__(self, report: Report, wdt: Registers, alarm: Alarm, restarted: Restarted, pattern: FlashBits) -> None:
        self.name = "watchdog"
        self.limit = 4000
        self._report = report
        self._wdt = wdt
        self._alarm = alarm
        self._restarted = restarted
        self._pattern = pattern
        self._feeds = False
        alarm.set_client(self._late)

    def begin(self) -> None:
        if self._restarted.has():
            self._report.done(self.name)
            return
        if self._wdt.read(_RUNSTATUS):
            self._report.skipped(self.name, "a bootloader has left it running")
            self._feeds = True
            self._late()
            self._report.done(self.name)
            return
        if not self._pattern.kept:
            self._report.skipped(self.name, "the flash could not keep a pattern for it")
            self._report.done(self.name)
            return
        self._report.say("the watchdog should reset the board now")
        self._wdt.write(_CRV, _HZ // 2)
        self._wdt.write(_RREN, 1)
        self._wdt.write(_CONFIG, 1)
        self._wdt.write(_START, 1)
        self._alarm.set_alarm(_SECOND)

    def _late(self) -> None:
        if self._feeds:
            for number in range(8):
                self._wdt.write(_RR0 + 4 * int(number), _RELOAD)
            self._alarm.set_alarm(_SECOND // 4)
            return
        self._report.checked(self.name, False, "has not bitten")
        self._feeds = True
        self._late()
        self._report.done(self.name)


class LowCrystal:
    """The clock of 32,768 Hz comes from its crystal, if the board says that it has one."""

    def __init__(self, report: Report, clock: Registers, alarm: Alarm, source: int) -> None:
        self.name = "low-crystal"
        self.limit = 2000
        self._report = report
        self._clock = clock
        self._alarm = alarm
        self._source = source
        self._looks = 0
        alarm.set_client(self._look)

    def begin(self) -> None:
        self._looks = 0
        self._look()

    def _look(self) -> None:
        if self._clock.read(_LFCLKSTAT) == _RUNS | self._source:
            self._report.checked(self.name, True, "runs")
            self._report.done(self.name)
            return
        self._looks += 1
        if self._looks > 20:
            status = self._clock.read(_LFCLKSTAT)
            self._report.checked(self.name, False, f"does not run, LFCLKSTAT {status:08x}")
            self._report.done(self.name)
            return
        self._alarm.set_alarm(_HZ // 20)


class HighCrystal:
    """The crystal of 32 MHz starts; it runs from then on, for the tests that follow."""

    def __init__(self, report: Report, clock: ExactClock, alarm: Alarm) -> None:
        self.name = "high-crystal"
        self.limit = 500
        self._report = report
        self._clock = clock
        self._alarm = alarm
        self._begun = 0
        clock.set_client(self._running)

    def begin(self) -> None:
        self._begun = self._alarm.now()
        if self._clock.request():
            self._running()

    def _running(self) -> None:
        ticks = (self._alarm.now() - self._begun) & _MASK
        self._report.measured(self.name, int(ticks) * 15625 >> 9, 0, 5000, "us until it ran")
        self._report.done(self.name)


class Speed:
    """A program computes, so that the processor is awake; meanwhile all clocks are compared. Then again without the cache."""

    def __init__(
        self,
        report: Report,
        jobs: Jobs,
        processes: ProcessControl,
        alarm: Alarm,
        meters: Meters,
        cache: Registers,
    ) -> None:
        self.name = "clocks"
        self.limit = 3000
        self._report = report
        self._jobs = jobs
        self._processes = processes
        self._now = alarm.now
        self._meters = meters
        self._cache = cache
        self._cached = True
        self._with_cache = 0
        self._rtc = 0
        self._high = 0
        self._cycles = 0
        self._slices = 0

    def begin(self) -> None:
        self._meters.begin()
        self._cached = True
        self._jobs.set_client(self._taken, self._ended, self._faulted)
        self._jobs.give(_WORK, _SPIN, _SPIN_MS)

    def _taken(self, role: int) -> None:
        begun = self._now()
        while self._now() == begun:  # from one tick to another: 30 us would be too much of the whole
            pass
        self._high = self._meters.high()
        self._cycles = self._meters.cycles()
        self._rtc = self._now()
        self._slices = self._processes.fact(self._jobs.slot(_WORK), "timeslice_expirations")

    def _ended(self, role: int, result: int, more: int) -> None:
        if not self._cached:
            self._cache.write(0, 1)
            self._report.measured("speed-uncached", result, 8000, 64500, "thousand instructions a second")
            self._report.measured("cache", int(self._with_cache) * 100 // max(int(result), 1), 115, 1000, "% of the speed without it")
            self._report.done(self.name)
            return
        begun = self._now()
        while self._now() == begun:
            pass
        high = (self._meters.high() - self._high) & 0xFFFFFFFF
        cycles = (self._meters.cycles() - self._cycles) & 0xFFFFFFFF
        ticks = (self._now() - self._rtc) & _MASK
        slices = self._processes.fact(self._jobs.slot(_WORK), "timeslice_expirations") - self._slices
        hertz = int(high) * _HZ // max(int(ticks), 1)
        self._report.measured("clock-timer", hertz, 15968000, 16032000, "Hz of TIMER0, by RTC0")
        if not self._meters.counts_cycles():
            self._report.skipped("clock-cpu", "this processor has no cycle counter")
        else:
            hertz = int(cycles) * _HZ // max(int(ticks), 1)
            self._report.measured("clock-cpu", hertz, 63872000, 64128000, "Hz of CYCCNT, by RTC0")
        least = int(ticks) * 100 // _HZ
        self._report.measured("clock-systick", slices, least - 2, least + 2, "time slices of 10 ms")
        self._report.measured("speed", result, 40000, 64500, "thousand instructions a second")
        self._with_cache = result
        self._cached = False
        self._cache.write(0, 0)
        self._jobs.give(_WORK, _SPIN, _SPIN_MS)

    def _faulted(self, role: int) -> None:
        """The limit says that it has not come to an end."""


class Latency:
    """From an event of TIMER0, in sleep, until the driver's handler, which is Python, has read the time."""

    def __init__(
        self, report: Report, timer: Registers, line: InterruptLine, meters: Meters, software: InterruptLine
    ) -> None:
        self.name = "interrupt"
        self.limit = 500
        self._report = report
        self._timer = timer
        self._meters = meters
        self._software = software
        self._due = 0
        self._cycles = 0
        timer.write(_INTENSET, _INT_COMPARE0)
        line.enable_acknowledged(self._came, timer.field(_COMPARE0, 0, 1), 0)
        software.enable(self._triggered)

    def begin(self) -> None:
        self._due = (self._meters.high() + _AHEAD) & 0xFFFFFFFF
        self._timer.write(_CC0, self._due)

    def _came(self) -> None:
        late = (self._meters.high() - self._due) & 0xFFFFFFFF
        if self._due == 0:
            return
        self._due = 0
        self._report.measured("interrupt-timer", int(late) * 4, 40, 40000, "cycles until the handler, from sleep")
        self._cycles = self._meters.cycles()
        self._software.trigger()

    def _triggered(self) -> None:
        cycles = (self._meters.cycles() - self._cycles) & 0xFFFFFFFF
        self._report.measured("interrupt-software", cycles, 40, 60000, "cycles until the handler of a software line")
        self._report.done(self.name)


class Sleep:
    """Nobody has anything to do for a tenth of a second."""

    def __init__(self, report: Report, alarm: Alarm, meters: Meters) -> None:
        self.name = "sleep"
        self.limit = 500
        self._report = report
        self._alarm = alarm
        self._meters = meters
        self._cycles = 0
        self._begun = 0
        alarm.set_client(self._woken)

    def begin(self) -> None:
        self._cycles = self._meters.cycles()
        self._begun = self._alarm.now()
        self._alarm.set_alarm(_SLEEP)

    def _woken(self) -> None:
        ticks = (self._alarm.now() - self._begun) & _MASK
        cycles = (self._meters.cycles() - self._cycles) & 0xFFFFFFFF
        awake = int(cycles) // (int(ticks) * 1953 // 100)
        self._report.measured("sleep", 100 - awake, 80, 100, "% of the time asleep")
        late = int(ticks) - _SLEEP
        self._report.measured("wake", late * 15625 >> 9, 0, 2000, "us too late")
        self._report.done(self.name)


class Loop:
    """UARTE1 sends to itself, through a jumper between two pins."""

    def __init__(
        self,
        report: Report,
        registers: Registers,
        alarm: Alarm,
        names: "tuple[str, str]",
        numbers: "tuple[int, int]",
        pins: "tuple[Pin, Pin] | None",
    ) -> None:
        self.name = "uart-loop"
        self.limit = 1000
        self._report = report
        self._registers = registers
        self._alarm = alarm
        self._names = names
        self._numbers = numbers
        self._pins = pins
        self._in = Buffer(_BYTES)
        self._out = Buffer(_BYTES)
        self._step = 0
        self._follows = 0
        alarm.set_client(self._next)

    def begin(self) -> None:
        if self._pins is None:
            self._report.skipped(self.name, "this board names no two pins for it")
            self._report.done(self.name)
            return
        out, to = self._pins
        self._step = 0
        self._follows = 0
        # Is there a jumper? Then one pin follows the other, against its pull.
        to.make_input(1)
        out.clear()
        out.make_output()
        self._alarm.set_alarm(_HZ // 500)

    def _next(self) -> None:
        if self._pins is None:
            return
        out, to = self._pins
        self._step += 1
        if self._step == 1:
            self._follows = 1 - to.read()
            to.make_input(2)
            out.set()
            self._alarm.set_alarm(_HZ // 500)
        elif self._step == 2:
            if not (self._follows and to.read()):
                out.disable()
                to.disable()
                self._report.skipped(self.name, "no jumper between " + self._names[0] + " and " + self._names[1])
                self._report.done(self.name)
                return
            self._send()
        else:
            self._compare()

    def _send(self) -> None:
        registers = self._registers
        for index in range(_BYTES):
            self._out[index] = 0x41 + index
            self._in[index] = 0
        registers.write(_PSEL_TXD, self._numbers[0])
        registers.write(_PSEL_RXD, self._numbers[1])
        registers.write(_BAUDRATE, _BAUD_115200)
        registers.write(_ENABLE, _UARTE)
        registers.start_dma("rx", self._in, _BYTES)
        registers.write(_STARTRX, 1)
        registers.start_dma("tx", self._out, _BYTES)
        registers.write(_STARTTX, 1)
        self._alarm.set_alarm(_HZ // 100)

    def _compare(self) -> None:
        registers = self._registers
        arrived = registers.end_dma("rx")
        registers.end_dma("tx")
        wrong = 0
        if arrived is None:
            wrong = _BYTES
        else:
            for index in range(_BYTES):
                if self._in[index] != 0x41 + index:
                    wrong += 1
        registers.write(_STOPRX, 1)
        registers.write(_STOPTX, 1)
        self._report.measured(self.name, wrong, 0, 0, "wrong bytes of 16")
        self._report.done(self.name)
