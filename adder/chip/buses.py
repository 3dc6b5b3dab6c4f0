"""The nRF52840's serial buses, and devices on them. Sections are of the Product Specification v1.7."""

from collections.abc import Callable
from typing import Protocol

from adder.chip.peripheral import Bus, Peripheral
from adder.chip.time import PER_SECOND


class I2cChip(Protocol):
    """A device on the I2C bus."""

    def takes(self, data: bytes) -> int:
        """These bytes are written to it; how many of them it acknowledges."""

    def gives(self, count: int) -> bytes:
        """So many bytes are read from it."""


class Twim(Peripheral):
    """I2C master, 6.31. `chips` are the devices, by address; a bus on which `hangs` is set never gets on."""

    ENABLED = 6
    RATES = {0x01980000: 100_000, 0x04000000: 250_000, 0x06200000: 390_000, 0x06400000: 400_000}  # noqa: RUF012

    def __init__(self, bus: Bus, base: int, line: int) -> None:
        super().__init__(bus, base, line)
        self.has_events(1, 9, 19, 20, 23, 24)
        self.tasks = {0x000: self._start_rx, 0x008: self._start_tx, 0x014: self._stop, 0x020: lambda: None}
        self.registers = {
            0x500: 0, 0x508: 0xFFFFFFFF, 0x50C: 0xFFFFFFFF, 0x524: 0x04000000,
            0x534: 0, 0x538: 0, 0x544: 0, 0x548: 0, 0x588: 0,
        }  # fmt: skip
        self.shortcuts = {7: (24, 0x000), 9: (24, 0x014), 12: (23, 0x014)}
        self.readable = {0x4C4: lambda: self.errors, 0x53C: lambda: self._received, 0x54C: lambda: self._sent}
        self.writable = {0x4C4: self._clear_errors}
        self.chips: dict[int, I2cChip] = {}
        self.hangs = False
        self.errors = self._received = self._sent = 0
        self._busy = False

    def _clear_errors(self, value: int) -> None:
        self.errors &= ~value

    def _takes(self, count: int) -> int:
        """How long so many bytes take, with the address before them."""
        if self.registers[0x524] not in self.RATES:
            self.bus.complain(f"Twim: {self.registers[0x524]:#x} is no frequency")
            return 1
        return (count + 1) * 9 * PER_SECOND // self.RATES[self.registers[0x524]]

    def _begin(self, count: int) -> bool:
        if self.registers[0x500] != self.ENABLED:
            self.bus.complain("Twim: started while it is disabled")
            return False
        if self.registers[0x508] & 1 << 31 or self.registers[0x50C] & 1 << 31:
            self.bus.complain("Twim: started without its pins")
            return False
        if count == 0:
            self.bus.complain("Twim: a transfer of no bytes")
            return False
        self._busy = True
        return not self.hangs

    def _start_tx(self) -> None:
        count = self.registers[0x548] & 0xFFFF
        data = self.bus.read_memory(self.registers[0x544], count)
        if self._begin(count):
            self.event(20)
            self.time.after(self._takes(count), lambda: self._written(data))

    def _written(self, data: bytes) -> None:
        if self.registers[0x500] != self.ENABLED:
            return
        chip = self.chips.get(self.registers[0x588])
        self._sent = chip.takes(data) if chip is not None else 0
        if chip is None or self._sent < len(data):
            self._fail(1 if chip is None else 2)
        else:
            self.event(24)

    def _start_rx(self) -> None:
        count = self.registers[0x538] & 0xFFFF
        if self._begin(count):
            self.event(19)
            self.time.after(self._takes(count), lambda: self._read(count))

    def _read(self, count: int) -> None:
        if self.registers[0x500] != self.ENABLED:
            return
        chip = self.chips.get(self.registers[0x588])
        self._received = 0
        if chip is None:
            self._fail(1)
            return
        self.bus.write_memory(self.registers[0x534], chip.gives(count))
        self._received = count
        self.event(23)

    def _fail(self, bit: int) -> None:
        self.errors |= 1 << bit
        self.event(9)

    def _stop(self) -> None:
        if self._busy and not self.hangs:

            def stopped() -> None:
                self._busy = False
                self.event(1)

            self.time.after(self._takes(0) // 9, stopped)


class Spim(Peripheral):
    """SPI master, 6.25. `answer` makes of what is sent what comes back: a frame of the chip select, or a part of it."""

    ENABLED = 7
    SLOWEST, SLOWEST_BIT = 125_000, 25

    def __init__(self, bus: Bus, base: int, line: int) -> None:
        super().__init__(bus, base, line)
        self.has_events(1, 4, 6, 8, 19)
        self.tasks = {0x010: self._start, 0x014: lambda: None}
        self.registers = {
            0x500: 0, 0x508: 0xFFFFFFFF, 0x50C: 0xFFFFFFFF, 0x510: 0xFFFFFFFF, 0x524: 0x04000000,
            0x534: 0, 0x538: 0, 0x544: 0, 0x548: 0, 0x554: 0, 0x5C0: 0,
        }  # fmt: skip
        self.readable = {0x53C: lambda: self._received, 0x54C: lambda: self._sent}
        self.answer: Callable[[bytes], bytes] = lambda sent: sent
        self._received = self._sent = 0

    def _start(self) -> None:
        if self.registers[0x500] != self.ENABLED:
            self.bus.complain("Spim: started while it is disabled")
            return
        frequency = self.registers[0x524]
        if frequency not in [1 << bit for bit in range(self.SLOWEST_BIT, 32)]:
            self.bus.complain(f"Spim: {frequency:#x} is no frequency")
            return
        write, read = self.registers[0x548] & 0xFFFF, self.registers[0x538] & 0xFFFF
        sent = self.bus.read_memory(self.registers[0x544], write)
        sent += bytes([self.registers[0x5C0] & 0xFF]) * (read - write)

        def ended() -> None:
            self.bus.write_memory(self.registers[0x534], self.answer(sent)[:read])
            self._received, self._sent = read, write
            for event in (4, 8, 6):
                self.event(event)

        hertz = self.SLOWEST * (frequency >> self.SLOWEST_BIT)
        self.event(19)
        self.time.after(8 * len(sent) * PER_SECOND // hertz, ended)
