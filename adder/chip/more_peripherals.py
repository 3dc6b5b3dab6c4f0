"""Peripherals of the nRF52840 for the kernel that tests boards (docs/bring-up.md), and those that few boards use.

Sections are of the Product Specification v1.7.
"""

import struct
from collections.abc import Callable
from functools import partial

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from adder.chip.peripheral import Bus, Peripheral
from adder.chip.peripherals import Clock
from adder.chip.time import MICROSECOND, PER_SECOND, Event

HIGH_HZ = 16_000_000


class Timer(Peripheral):
    """A TIMER, 6.30, as a timer: it counts the clock of high frequency, which is a little off without the crystal."""

    OFF_WITHOUT_CRYSTAL = 1.03

    def __init__(self, bus: Bus, base: int, line: int, clock: Clock, comparisons: int = 4) -> None:
        super().__init__(bus, base, line)
        self.has_events(*range(16, 16 + comparisons))
        self.registers = {0x504: 0, 0x508: 0, 0x510: 4}
        self.tasks = {0x00: self._start, 0x04: self._stop, 0x08: lambda: None, 0x0C: self._clear}
        self.speed = 1.0  # for faults
        self._clock = clock
        self._running = False
        self._base, self._since = 0, 0
        self._compared = [0] * comparisons
        self._waiting: list[Event | None] = [None] * comparisons
        for number in range(comparisons):
            self.tasks[0x40 + 4 * number] = partial(self._capture, number)
            self.readable[0x540 + 4 * number] = partial(self._compared.__getitem__, number)
            self.writable[0x540 + 4 * number] = partial(self._compare, number)

    def _hz(self) -> float:
        return (
            HIGH_HZ
            / (1 << self.registers[0x510])
            * self.speed
            * (1 if self._clock.crystal else self.OFF_WITHOUT_CRYSTAL)
        )

    @property
    def _mask(self) -> int:
        return (1 << (16, 8, 24, 32)[self.registers[0x508] & 3]) - 1

    def _count(self) -> int:
        passed = int((self.time.now - self._since) * self._hz() / PER_SECOND) if self._running else 0
        return self._base + passed & self._mask

    def _start(self) -> None:
        if not self._running:
            self._running, self._since = True, self.time.now
            self._arm_all()

    def _stop(self) -> None:
        self._base, self._running = self._count(), False
        self._arm_all()

    def _clear(self) -> None:
        self._base, self._since = 0, self.time.now
        self._arm_all()

    def _capture(self, number: int) -> None:
        self._compared[number] = self._count()

    def _compare(self, number: int, value: int) -> None:
        self._compared[number] = value & self._mask
        self._arm(number)

    def _arm_all(self) -> None:
        for number in range(len(self._compared)):
            self._arm(number)

    def _arm(self, number: int) -> None:
        waiting = self._waiting[number]
        if waiting is not None:
            waiting.cancel()
        self._waiting[number] = None
        if self._running and self.registers[0x504] == 0:
            left = (self._compared[number] - self._count() & self._mask) or self._mask + 1

            def matched() -> None:
                self._waiting[number] = None
                self.event(16 + number)

            self._waiting[number] = self.time.after(int(left * PER_SECOND / self._hz()) + 1, matched)


class Saadc(Peripheral):
    """Analog-to-digital converter, 6.23: one channel, 12 bits, task by task or by its own timer.

    `millivolts` is what each input has, by PSELP: a number, or a function of the time in seconds.
    """

    CONVERSION = 12 * MICROSECOND
    FULL_SCALE = 3600
    BY_TIMER = 1 << 12

    def __init__(self, bus: Bus, base: int, line: int) -> None:
        super().__init__(bus, base, line)
        self.has_events(0, 1, 2, 3, 4, 5)
        self.tasks = {0x00: self._start, 0x04: self._sample, 0x08: self._stop, 0x0C: self._calibrate}
        self.registers = {0x500: 0, 0x510: 0, 0x514: 0, 0x518: 0, 0x5F0: 1, 0x5F8: 0, 0x62C: 0, 0x630: 0, 0x634: 0}
        self.millivolts: dict[int, int | Callable[[float], int]] = {9: 3000}
        self._buffer = self._length = 0  # PTR and MAXCNT are taken over by START
        self._next: Event | None = None

    def _later(self, event: int, then: Callable[[], None] = lambda: None) -> None:
        def happens() -> None:
            then()
            self.event(event)

        self.time.after(self.CONVERSION, happens)

    def _calibrate(self) -> None:
        self._later(4)

    def _stop(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        self._buffer = self._length = 0
        self._later(5)

    def _start(self) -> None:
        self._buffer, self._length, self.registers[0x634] = self.registers[0x62C], self.registers[0x630], 0
        self.event(0)

    def _sample(self) -> None:
        timer = self.registers[0x5F8]
        period = PER_SECOND * (timer & 0x7FF) // HIGH_HZ if timer & self.BY_TIMER else 0

        def put() -> None:
            # The timer goes on until STOP; without a START nobody has said where to put what it samples.
            self._next = self.time.after(period, put) if period else None
            taken = self.registers[0x634]
            if taken < self._length:
                value = self._now() * 4096 // self.FULL_SCALE
                self.bus.write_memory(self._buffer + 2 * taken, struct.pack("<h", min(value, 4095)))
                self.registers[0x634] = taken + 1
                if taken + 1 == self._length:
                    self.event(1)

        if self._next is None or not period:
            self._next = self.time.after(max(period, self.CONVERSION), put)

    def _now(self) -> int:
        there = self.millivolts.get(self.registers[0x510], 0)
        return there(self.time.now / PER_SECOND) if callable(there) else there


class Ecb(Peripheral):
    """AES with a key of 128 bits, 6.6: key, cleartext and ciphertext lie behind each other in RAM."""

    BLOCK = 7 * MICROSECOND

    def __init__(self, bus: Bus, base: int, line: int) -> None:
        super().__init__(bus, base, line)
        self.has_events(0, 1)
        self.tasks = {0x00: self._start, 0x04: lambda: None}
        self.registers = {0x504: 0}
        self.wrong = 0  # for faults: these bits of each byte

    def _start(self) -> None:
        def done() -> None:
            at = self.registers[0x504]
            key, clear = self.bus.read_memory(at, 16), self.bus.read_memory(at + 16, 16)
            encrypt = Cipher(AES(key), ECB()).encryptor()
            cipher = encrypt.update(clear) + encrypt.finalize()
            self.bus.write_memory(at + 32, bytes(byte ^ self.wrong for byte in cipher))
            self.event(0)

        self.time.after(self.BLOCK, done)


class Pwm(Peripheral):
    """Pulse width modulation, 6.17: sequences that are played once (LOOP is 0), with a value for each channel.

    `pulses()` tells what is at the pins, in place of edges, of which there may be a million a second.
    """

    CLOCK_HZ = 16_000_000
    CHANNELS = 4

    def __init__(self, bus: Bus, base: int, line: int) -> None:
        super().__init__(bus, base, line)
        self.has_events(1, 2, 3, 4, 5, 6, 7)
        self.tasks = {0x04: self._stop, 0x08: self._play}
        self.registers = {0x500: 0, 0x504: 0, 0x508: 0x3FF, 0x50C: 0, 0x510: 0, 0x514: 0}
        self.registers |= {0x520: 0, 0x524: 0, 0x528: 1, 0x52C: 0}
        self.registers |= {0x560 + 4 * channel: 0xFFFFFFFF for channel in range(self.CHANNELS)}
        self._values: tuple[int, ...] = ()
        self._began = 0
        self._next: Event | None = None

    @property
    def _period(self) -> int:
        return PER_SECOND * (self.registers[0x508] << self.registers[0x50C]) // self.CLOCK_HZ

    def _when_period_ends(self, happens: Callable[[], None]) -> None:
        """Of what plays now, or at once: the hardware's counter goes on for as long as it makes pulses."""
        period = self._period
        left = period - (self.time.now - self._began) % period if self._values else 0
        if self._next is not None:
            self._next.cancel()
        self._next = self.time.after(left, happens)

    def _play(self) -> None:
        if not self.registers[0x500] & 1:
            self.bus.complain("Pwm: a sequence is started and ENABLE is 0")
            return
        if self.registers[0x514] or self.registers[0x510] != 2 or self.registers[0x504]:
            self.bus.complain("Pwm: this model plays sequences once, up, with a value for each channel")
            return

        def begin() -> None:
            count = self.registers[0x524]
            if count != self.CHANNELS:
                self.bus.complain(f"Pwm: a sequence of {count} values, which this model does not play")
            self._values = struct.unpack("<4H", self.bus.read_memory(self.registers[0x520], 2 * self.CHANNELS))
            self._began = self.time.now
            self.event(2)
            periods = 1 + self.registers[0x528] + self.registers[0x52C]
            self._next = self.time.after(periods * self._period, lambda: self.event(4))

        self._when_period_ends(begin)

    def _stop(self) -> None:
        def stopped() -> None:
            self._values = ()
            self.event(1)

        self._when_period_ends(stopped)

    def pulses(self, pin: int) -> tuple[float, float] | None:
        """Hz, and the part of the time, 0 to 1, for which the pin is high; None: it makes no pulses."""
        for channel, value in enumerate(self._values):
            if self.registers[0x560 + 4 * channel] == pin and self.registers[0x500] & 1:
                top = self.registers[0x508]
                part = min(value & 0x7FFF, top) / top
                return PER_SECOND / self._period, part if value & 0x8000 else 1 - part
        return None
