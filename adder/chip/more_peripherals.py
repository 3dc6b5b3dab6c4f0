"""Peripherals of the nRF52840 that only the kernel which tests boards uses (docs/bring-up.md).

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
    """Analog-to-digital converter, 6.23, for single samples of 12 bits. `millivolts` is what each input has."""

    CONVERSION = 12 * MICROSECOND
    FULL_SCALE = 3600

    def __init__(self, bus: Bus, base: int, line: int) -> None:
        super().__init__(bus, base, line)
        self.has_events(0, 1, 2, 3, 4, 5)
        self.tasks = {0x00: self._start, 0x04: self._sample, 0x08: self._stop, 0x0C: self._calibrate}
        self.registers = {0x500: 0, 0x510: 0, 0x514: 0, 0x518: 0, 0x5F0: 1, 0x5F8: 0, 0x62C: 0, 0x630: 0, 0x634: 0}
        self.millivolts = {9: 3000}

    def _later(self, event: int, then: Callable[[], None] = lambda: None) -> None:
        def happens() -> None:
            then()
            self.event(event)

        self.time.after(self.CONVERSION, happens)

    def _calibrate(self) -> None:
        self._later(4)

    def _stop(self) -> None:
        self._later(5)

    def _start(self) -> None:
        self.event(0)

    def _sample(self) -> None:
        def put() -> None:
            value = self.millivolts.get(self.registers[0x510], 0) * 4096 // self.FULL_SCALE
            self.bus.write_memory(self.registers[0x62C], struct.pack("<h", min(value, 4095)))
            self.registers[0x634] = 1

        self._later(1, put)


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
