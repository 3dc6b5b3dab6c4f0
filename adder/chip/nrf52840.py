"""The whole chip, with a kernel and apps in its flash."""

import re
import struct
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile
from unicorn import UC_HOOK_MEM_READ_UNMAPPED, UC_HOOK_MEM_WRITE, UC_HOOK_MEM_WRITE_UNMAPPED

from adder.chip import power
from adder.chip.buses import Spim, Twim
from adder.chip.cortex_m import CortexM
from adder.chip.more_peripherals import Ecb, Pwm, Saadc, Timer
from adder.chip.mpu import WRITE
from adder.chip.peripheral import Bus, Peripheral
from adder.chip.peripherals import Clock, Gpio, Gpiote, Nvmc, Ppi, Rng, Rtc, Temp, TimerCounter, Uarte, Watchdog
from adder.chip.power import Meter
from adder.chip.time import MILLISECOND, PER_SECOND, Time
from adder.errors import AdderError

FLASH_SIZE = 0x100000
RAM_START, RAM_SIZE = 0x20000000, 0x40000
LINES = 48
FACTORY = {0x10: 4096, 0x14: 256, 0x60: 0x1234, 0x64: 1, 0x100: 0x52840, 0x104: 0x41414430}
"""FICR, 4.4.1: size and number of pages, device id, part, variant "AAD0"."""

TEMPERATURES = {0x404 + 4 * i: 0x300 + 7 * i for i in range(17)}
"""The same: TEMP's coefficients, A0 to A5, B0 to B5, T0 to T4."""

SLEEP_CURRENT = 0x4007AC84
"""Anomaly 246: a register that no manual has; 2 is its workaround."""

PIN, WATCHDOG, SOFTWARE = 1 << 0, 1 << 1, 1 << 2
"""Bits of RESETREAS, 5.3."""


class NotShown(AdderError):
    """The console did not show what was expected."""


class Chip(Bus):
    """An nRF52840 that has been switched on. Its time is its own: nothing depends on the host.

    `kernel` is the kernel's ELF file, `contents` what else lies in flash, by address. `mips` is its speed: 64 million
    instructions a second with the cache; `uncached` its speed without, some 25, if that shall make a difference.
    """

    def __init__(
        self,
        kernel: Path,
        contents: dict[int, bytes] | None = None,
        *,
        mips: int = 64,
        seed: int = 1,
        mpu: bool = False,
        uncached: int = 0,
    ) -> None:
        self.time = Time()
        self.complaints: list[str] = []
        self.cpu = CortexM(self.time, LINES, mips, mpu)
        self._speeds = uncached or mips, mips
        self._position = 0
        self._vectors = 0
        self._stored: list[tuple[int, int]] = []
        self._resetting = False
        self._map_memory()
        self._load(kernel)
        for address, data in (contents or {}).items():
            self.cpu.uc.mem_write(address, data)
        self._make_peripherals(seed)
        self._cache_switched()
        self._meter = Meter(self._drawn)
        self.cpu.before_exception = self._between
        self.cpu.reset_requested = lambda: self._reset(SOFTWARE)
        self.cpu.start(self._vectors)

    def _map_memory(self) -> None:
        uc = self.cpu.uc
        uc.mem_map(0, FLASH_SIZE)
        uc.mem_write(0, b"\xff" * FLASH_SIZE)
        uc.mem_map(RAM_START, RAM_SIZE)
        uc.mem_map(0x10000000, 0x2000)  # FICR, UICR
        uc.mem_write(0x10000000, b"\xff" * 0x2000)
        for offset, value in (FACTORY | TEMPERATURES).items():
            uc.mem_write(0x10000000 + offset, struct.pack("<I", value))
        uc.mmio_map(0x40000000, 0x40000, self._read_peripheral, None, self._write_peripheral, None)
        uc.mmio_map(0x50000000, 0x1000, self._read_pins, None, self._write_pins, None)
        uc.mem_map(SLEEP_CURRENT & ~0xFFF, 0x1000)
        uc.hook_add(UC_HOOK_MEM_WRITE, self._note_store, None, 0, FLASH_SIZE - 1)
        uc.hook_add(UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_WRITE_UNMAPPED, self._unmapped)

    def _load(self, kernel: Path) -> None:
        with kernel.open("rb") as file:
            elf = ELFFile(file)
            for segment in elf.iter_segments():
                if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]:
                    self.cpu.uc.mem_write(segment["p_paddr"], segment.data())
            table = elf.get_section_by_name(".symtab")
            symbols: Any = table
            self._vectors = symbols.get_symbol_by_name("_vectors")[0]["st_value"]

    def _make_peripherals(self, seed: int) -> None:
        self.clock = Clock(self, 0x40000000, 0)
        self.uart = Uarte(self, 0x40002000, 2, self.clock)
        self.twim = Twim(self, 0x40003000, 3)
        self.spim = Spim(self, 0x40023000, 35)
        self.ports = [Gpio(self, 0x50000000, 32), Gpio(self, 0x50000300, 16)]
        self.gpiote = Gpiote(self, 0x40006000, 6, self.ports)
        self.saadc = Saadc(self, 0x40007000, 7)
        self.timer0 = Timer(self, 0x40008000, 8, self.clock)
        self.ecb = Ecb(self, 0x4000E000, 14)
        self.uart1 = Uarte(self, 0x40028000, 40, self.clock)
        self.timer1 = TimerCounter(self, 0x40009000, 9)
        self.rtc0 = Rtc(self, 0x4000B000, 11, self.clock, 3)
        self.temp = Temp(self, 0x4000C000, 12, self.clock)
        self.temp.factory = list(TEMPERATURES.values())
        self.rng = Rng(self, 0x4000D000, 13, seed)
        self.watchdog = Watchdog(self, 0x40010000, 16, lambda: self.cpu.awake, lambda: self._reset(WATCHDOG))
        self.rtc1 = Rtc(self, 0x40011000, 17, self.clock, 4)
        self.rtc2 = Rtc(self, 0x40024000, 36, self.clock, 4)
        self.pwm = Pwm(self, 0x4001C000, 28)
        self.nvmc = Nvmc(self, 0x4001E000)
        self.nvmc.cache_switched = self._cache_switched
        self.ppi = Ppi(self, 0x4001F000)
        all_of_them: list[Peripheral] = [
            self.clock, self.uart, self.twim, self.gpiote, self.timer1, self.rtc0, self.temp, self.rng, self.watchdog,
            self.rtc1, self.rtc2, self.spim, self.nvmc, self.ppi, self.saadc, self.timer0, self.ecb, self.uart1,
            self.pwm,
        ]  # fmt: skip
        self._at = {peripheral.base: peripheral for peripheral in all_of_them}

    def _cache_switched(self) -> None:
        self.cpu.set_speed(self._speeds[self.nvmc.cached])

    # -- What peripherals see --------------------------------------------------

    def set_level(self, line: int, level: bool) -> None:
        self.cpu.set_level(line, level)

    def happened(self, event: int) -> None:
        for task in self.ppi.tasks_of(event):
            target = self._at.get(task & ~0xFFF)
            if target is not None and task & 0xFFF in target.tasks:
                target.tasks[task & 0xFFF]()
            else:
                self.complain(f"Ppi: {task:#x} is not a task")

    def stand_still(self, time: int) -> None:
        self.cpu.stand_still(time)

    def complain(self, what: str) -> None:
        if len(self.complaints) < 100:
            self.complaints.append(f"{self.seconds:.6f} s, {self.cpu.pc:#x}: {what}")

    def read_memory(self, address: int, length: int) -> bytes:
        return bytes(self.cpu.uc.mem_read(address, length))

    def write_memory(self, address: int, data: bytes) -> None:
        if not RAM_START <= address < RAM_START + RAM_SIZE and not address < FLASH_SIZE:
            self.complain(f"DMA cannot reach {address:#x}")
            return
        self.cpu.uc.mem_write(address, data)

    # -- What the processor sees -----------------------------------------------

    def _read_peripheral(self, uc: Any, offset: int, size: int, data: object) -> int:
        self._finish_stores()
        if self._refused:
            return 0
        peripheral = self._at.get(0x40000000 + (offset & ~0xFFF))
        if peripheral is None:
            self.complain(f"no peripheral at {0x40000000 + offset:#x}")
            return 0
        return peripheral.read(offset & 0xFFF)

    def _write_peripheral(self, uc: Any, offset: int, size: int, value: int, data: object) -> None:
        self._finish_stores()
        if self._refused:
            return
        peripheral = self._at.get(0x40000000 + (offset & ~0xFFF))
        if peripheral is None:
            # APPROTECT's register, of newer chips, lies in the block of POWER; nothing else is written blindly.
            self.complain(f"no peripheral at {0x40000000 + offset:#x}")
        else:
            peripheral.write(offset & 0xFFF, value)

    def write_register(self, address: int, value: int) -> None:
        """As the processor would."""
        uc = self.cpu.uc
        if address >= 0xE000E000:
            self.cpu.system.write(uc, address - 0xE000E000, 4, value, None)
        elif address >= 0x50000000:
            self._write_pins(uc, address - 0x50000000, 4, value, None)
        else:
            self._write_peripheral(uc, address - 0x40000000, 4, value, None)

    @property
    def _refused(self) -> bool:
        """Whether this access is a process's, and the MPU has refused it: Unicorn makes it all the same."""
        return self.cpu.mpu is not None and self.cpu.mpu.refused is not None

    def _port(self, offset: int) -> tuple[Gpio, int]:
        """The blocks of the ports begin 0x300 apart, and their registers at 0x500, so they interleave (6.9)."""
        number = int(0x800 <= offset < 0xB00 and not 0x700 <= offset < 0x780)
        return self.ports[number], offset - 0x300 * number

    def _read_pins(self, uc: Any, offset: int, size: int, data: object) -> int:
        port, offset = self._port(offset)
        return 0 if self._refused else port.read(offset)

    def _write_pins(self, uc: Any, offset: int, size: int, value: int, data: object) -> None:
        port, offset = self._port(offset)
        if not self._refused:
            port.write(offset, value)

    def _unmapped(self, uc: Any, access: int, address: int, size: int, value: int, data: object) -> bool:
        self.cpu.system.last_bad = address
        return False

    # A store to flash can only clear bits. Unicorn makes it whole; what it should have been is put right at once after.

    def _note_store(self, uc: Any, access: int, address: int, size: int, value: int, data: object) -> None:
        mpu = self.cpu.mpu
        if mpu is not None and mpu.watches and not mpu.allows(WRITE, address, size):
            return
        word = address & ~3
        self._stored.append((word, struct.unpack("<I", uc.mem_read(word, 4))[0]))

    def _finish_stores(self) -> None:
        for address, old in self._stored:
            new = struct.unpack("<I", self.cpu.uc.mem_read(address, 4))[0]
            self.cpu.uc.mem_write(address, struct.pack("<I", self.nvmc.store(address, old, new)))
        self._stored.clear()

    # -- Running --------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """The time since the chip was switched on."""
        return self.time.now / PER_SECOND

    def _between(self) -> None:
        self._finish_stores()
        self.time.fire()
        self.watchdog.look()
        if self._resetting:
            self._resetting = False
            self.cpu.start(self._vectors)

    def _reset(self, reason: int) -> None:
        """What a reset does to memory and peripherals; the processor starts again before its next instruction."""
        for peripheral in list(self._at.values()):
            if isinstance(peripheral, Watchdog) and reason == SOFTWARE:
                continue  # it goes on
            peripheral.enabled = 0
            peripheral.update()
        reasons = self.clock.reasons | reason
        seed, watchdog, sent = self.rng._random.getrandbits(32), self.watchdog, self.uart.sent
        levels = [port.levels for port in self.ports]
        self.time._events.clear()
        self._make_peripherals(seed)
        self.clock.reasons = reasons
        self.uart.sent = sent
        for port, level in zip(self.ports, levels, strict=True):
            port.levels = level
        if reason == SOFTWARE:
            self.watchdog = self._at[watchdog.base] = watchdog
        self.cpu.asserted.clear()
        self._resetting = True

    def reset(self) -> None:
        """Press the reset pin."""
        self._reset(PIN)

    def run(self, seconds: float) -> None:
        """Let this time pass."""
        end = self.time.now + round(seconds * PER_SECOND)
        while self.time.now < end:
            at = self.time.next()
            begun, awake = self.time.now, self.cpu.awake
            self.cpu.step(end if at is None else min(at, end))
            self._meter.passed(self.time.now - begun, self.cpu.awake - awake)

    # -- Power ----------------------------------------------------------------

    def _drawn(self) -> tuple[bool, float]:
        """Whether the DC/DC converter is on, and what is drawn asleep."""
        clock = self.clock.crystal or self.uart.draws
        asleep = (power.HIGH_CRYSTAL if self.clock.crystal else power.HIGH_RC) if clock else power.ASLEEP
        if self.gpiote.looks_for_edges:
            asleep += power.EDGES
        if self.read_memory(SLEEP_CURRENT, 1) != b"\2":
            asleep += power.ANOMALY_246
        return bool(self.clock.registers[0x578] & 1), asleep

    def microamperes(self, seconds: float) -> float:
        """Run for so long; what it draws on average (adder/chip/power.py)."""
        charge, begun = self._meter.charge, self.time.now
        self.run(seconds)
        return (self._meter.charge - charge) / (self.time.now - begun)

    # -- The console ----------------------------------------------------------

    @property
    def transcript(self) -> str:
        """All that the console has shown."""
        return self.uart.sent.decode("utf-8", "replace")

    def expect(self, pattern: str, seconds: float = 10) -> re.Match[str]:
        """Run until the console shows this regular expression, after the last match; at most so many of its seconds."""
        compiled = re.compile(pattern, re.MULTILINE)
        end = self.time.now + round(seconds * PER_SECOND)
        while True:
            match = compiled.search(self.transcript, self._position)
            if match is not None and not (pattern.endswith("$") and match.end() == len(self.transcript)):
                self._position = match.end()
                return match
            if self.time.now >= end:
                raise NotShown(f"'{pattern}' did not appear within {seconds} s:\n{self.transcript[-3000:]}")
            self.run(min(10 * MILLISECOND, end - self.time.now) / PER_SECOND)

    def type(self, text: str | bytes) -> None:
        """Send this to the console, at the line's rate."""
        self.uart.arrive(text.encode() if isinstance(text, str) else text)

    def set_pin(self, number: int, level: int | None) -> None:
        """Drive a pin from outside, or let go of it; 32 is P1.00."""
        self.ports[number // 32].set_level(number % 32, level)

    def hold_receive_line(self, low: bool) -> None:
        """Pull the UART's RXD low, as a board does that is connected to nothing, or let go of it."""
        self.uart.line_low = low
        self.set_pin(self.uart.registers[0x514] & 63, 0 if low else None)

    def pin(self, number: int) -> int | None:
        """What the chip puts onto a pin."""
        return self.ports[number // 32].driven(number % 32)
