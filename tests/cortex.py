"""QEMU's board without QEMU: the finished kernel's image on Unicorn, exact to the instruction, and rewound at will.

As much of an mps2-an386 as the kernel and C apps use: the processor's exceptions, its interrupt controller, the dual
timer, the UART and the LEDs; no MPU, no FPU. Time stands still but when the processor sleeps, or looks at the clock.
Interrupts are taken where a process runs or the processor sleeps, as the kernel's own priority would have it except for
their top half, which only notes them.
"""

import struct
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile
from unicorn import UC_ARCH_ARM, UC_HOOK_CODE, UC_HOOK_INTR, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, UcError
from unicorn import arm_const as arm

from adder.symbols import Symbols

SVC, PENDSV, SYSTICK, FIRST_IRQ = 11, 14, 15, 16
_SVC_INSTRUCTION, _EXCEPTION_RETURN = 2, 8  # what Unicorn calls them

_R = [getattr(arm, f"UC_ARM_REG_R{n}") for n in range(13)]
R0 = _R[0]
SP, LR, PC, XPSR = arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR, arm.UC_ARM_REG_PC, arm.UC_ARM_REG_XPSR
_MSP, PSP, _IPSR = arm.UC_ARM_REG_MSP, arm.UC_ARM_REG_PSP, arm.UC_ARM_REG_IPSR
_CONTROL, _PRIMASK, _BASEPRI = arm.UC_ARM_REG_CONTROL, arm.UC_ARM_REG_PRIMASK, arm.UC_ARM_REG_BASEPRI

CYCLES_A_TICK = 256  # of the dual timer
LOOK_CYCLES = 25  # that pass with each look at it
UART_TX, UART_RX, TIMER = 1, 0, 10  # interrupt lines

PSRAM, SYSTEM = 0x21000000, 0xE000E000
TRAMPOLINE = 0x10000000  # where no code is: `returns` is called here, and says where to go on
_ICSR, _PENDSVSET, _PENDSVCLR = 0xD04, 1 << 28, 1 << 27
_RVR, _CVR = 0x014, 0x018


LONGEST = 4  # seconds between two events, or it is a loop for ever

SPI_STATUS = 0x4002700C
MEMORY_OF_DEVICES = (0x40027000, 0x40028000, 0x4002A000)
"""Pages that are no more than memory: SPI, LEDs, I2C."""


class Stuck(Exception):
    """The board does nothing any more, or has crashed."""


@dataclass
class Devices:
    """What the hardware holds beside memory and registers."""

    now: int = 0  # cycles
    due: int | None = None  # of the timer's second half
    fired: bool = False
    load: int = 0
    control: int = 0
    uart_control: int = 0
    sent: bool = False  # the transmit interrupt
    typed: bytes = b""
    enabled: int = 0  # interrupt lines
    pended: int = 0
    pendsv: bool = False
    reload: int = 0
    soon: bool = False  # the tick has been asked for earlier than its slice

    def copy(self) -> "Devices":
        return Devices(**self.__dict__)


@dataclass
class Snapshot:
    """The whole board at one moment."""

    context: Any
    memory: list[tuple[int, bytes]]
    devices: Devices
    output: int


class Board:
    """The board; `output` is what its console has shown."""

    def __init__(self, kernel: Path, flash: bytes, *, plain: bool = False) -> None:
        """`plain`: any board with an Arm Cortex-M4, whose peripherals are no more than memory."""
        self.machine = machine = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        machine.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        machine.mem_map(0, 0x100000)
        machine.mem_map(0x20000000, 0x40000)
        machine.mem_map(PSRAM, 0x100000)
        machine.mem_map(0xE0000000, 0xE000)
        machine.mem_map(TRAMPOLINE, 0x1000)
        machine.mem_write(TRAMPOLINE, b"\x00\xbf" * 8)
        self.returns: Callable[[], int] | None = None
        if plain:
            machine.mem_map(0x40000000, 0x100000)
            machine.mem_map(0x50000000, 0x10000)
        else:
            machine.mem_map(0x40020000, 0x10000)  # the LEDs, and buses to which nothing is attached
            machine.mem_write(SPI_STATUS, b"\x07")  # what is sent is gone, and something has come (PL022, SR)
            machine.mmio_map(0x40002000, 0x1000, self._read_timer, None, self._write_timer, None)
            machine.mmio_map(0x40004000, 0x1000, self._read_uart, None, self._write_uart, None)
        machine.mmio_map(SYSTEM, 0x1000, self._read_system, None, self._write_system, None)
        with kernel.open("rb") as file:
            for segment in ELFFile(file).iter_segments("PT_LOAD"):
                if segment["p_filesz"]:
                    machine.mem_write(segment["p_paddr"], segment.data())
        machine.mem_write(PSRAM, flash)
        self.devices = Devices()
        self.output = bytearray()
        self.system: dict[int, int] = {}
        self._event: int | None = None
        self._beat = 0  # counts events
        self.stopped = self.running = False
        threading.Thread(target=watch, args=(weakref.ref(self),), daemon=True).start()
        machine.hook_add(UC_HOOK_INTR, self._on_event)
        self._booting: bool | None = True
        self._kernel = kernel
        self._returned = False
        self.hook(self._returns, TRAMPOLINE)
        self.hook(self._boot_ends, Symbols.read(kernel)["schedule_start"].address & ~1)
        stack, entry = struct.unpack("<II", machine.mem_read(0, 8))
        machine.reg_write(SP, stack)
        self._pc = entry
        self._reset = self.save()

    # -- Devices ------------------------------------------------------------------------------

    def _read_timer(self, machine: Uc, offset: int, size: int, data: object) -> int:
        if offset == 0x04:
            self.devices.now += LOOK_CYCLES
            return -(self.devices.now // CYCLES_A_TICK) & 0xFFFFFFFF
        return {0x08: 0xCA, 0x20: self.devices.load, 0x28: self.devices.control}.get(offset, 0)

    def _write_timer(self, machine: Uc, offset: int, size: int, value: int, data: object) -> None:
        it = self.devices
        if offset == 0x20:
            it.load = value
        elif offset == 0x28:
            it.control = value
            it.due = it.now + it.load * CYCLES_A_TICK if value & 0xA0 == 0xA0 else None
        elif offset == 0x2C:
            it.fired = False

    def _read_uart(self, machine: Uc, offset: int, size: int, data: object) -> int:
        it = self.devices
        if offset == 0x000:
            byte, it.typed = (it.typed[0], it.typed[1:]) if it.typed else (0, b"")
            return byte
        return {0x004: 2 if it.typed else 0, 0x008: it.uart_control}.get(offset, 0)

    def _write_uart(self, machine: Uc, offset: int, size: int, value: int, data: object) -> None:
        it = self.devices
        if offset == 0x000:
            self.output.append(value & 0xFF)
            it.sent = True
        elif offset == 0x008:
            it.uart_control = value
        elif offset == 0x00C and value & 1:
            it.sent = False

    def _read_system(self, machine: Uc, offset: int, size: int, data: object) -> int:
        if offset == _ICSR:
            return machine.reg_read(_IPSR) | (_PENDSVSET if self.devices.pendsv else 0)
        return self.system.get(offset, 0)

    def _write_system(self, machine: Uc, offset: int, size: int, value: int, data: object) -> None:
        it = self.devices
        if offset == _ICSR:
            it.pendsv = (it.pendsv or bool(value & _PENDSVSET)) and not value & _PENDSVCLR
        elif 0x100 <= offset < 0x108:
            it.enabled |= value << 8 * (offset - 0x100)
        elif 0x180 <= offset < 0x188:
            it.enabled &= ~(value << 8 * (offset - 0x180))
        elif 0x280 <= offset < 0x288:
            it.pended &= ~(value << 8 * (offset - 0x280))
        elif offset == _RVR:
            it.reload = value
            it.soon = it.soon and value < 10_000
        elif offset == _CVR:
            it.soon = it.reload < 10_000
        else:
            self.system[offset] = value

    def _line(self) -> int | None:
        """The interrupt that asks for service."""
        it = self.devices
        levels = it.pended
        levels |= 1 << TIMER if it.fired else 0
        levels |= 1 << UART_TX if it.sent and it.uart_control & 4 else 0
        levels |= 1 << UART_RX if it.typed and it.uart_control & 8 else 0
        asking = levels & it.enabled
        return (asking & -asking).bit_length() - 1 if asking else None

    # -- The processor ------------------------------------------------------------------------

    def _on_event(self, machine: Uc, number: int, data: object) -> None:
        self._event = number
        machine.emu_stop()

    def word(self, address: int) -> int:
        return int(struct.unpack("<I", self.machine.mem_read(address, 4))[0])

    def enter(self, exception: int) -> None:
        """Stack a frame and go to the exception's handler."""
        machine = self.machine
        thread = machine.reg_read(_IPSR) == 0
        process = thread and machine.reg_read(_CONTROL) & 2
        sp, psr = machine.reg_read(SP), machine.reg_read(XPSR)
        frame = sp - 32 & ~7
        words = [machine.reg_read(register) for register in (*_R[:4], _R[12], LR)]
        psr = psr & ~0x200 | 0x01000000 | (0x200 if sp & 4 else 0)
        machine.mem_write(frame, struct.pack("<8I", *words, self._pc & ~1, psr))
        machine.reg_write(SP, frame)
        machine.reg_write(XPSR, 0x01000000 | exception)
        machine.reg_write(_IPSR, exception)
        machine.reg_write(LR, 0xFFFFFFFD if process else 0xFFFFFFF9 if thread else 0xFFFFFFF1)
        self._pc = self.word(self.system.get(0xD08, 0) + 4 * exception)

    def _leave(self, value: int) -> None:
        """Unstack a frame; then what is pending has its turn."""
        machine, it = self.machine, self.devices
        thread = value & 8
        stack = PSP if thread and value & 4 else _MSP
        frame = machine.reg_read(stack)
        *words, pc, psr = struct.unpack("<8I", machine.mem_read(frame, 32))
        privilege = machine.reg_read(_CONTROL) & 1
        machine.reg_write(_CONTROL, 0)  # or the rest is ignored
        machine.reg_write(XPSR, psr & ~0x200)
        machine.reg_write(_IPSR, 0 if thread else psr & 0x1FF)
        machine.reg_write(_CONTROL, privilege | (2 if value & 4 else 0))
        machine.reg_write(SP, frame + 32 + (4 if psr & 0x200 else 0))
        for register, word in zip((*_R[:4], _R[12], LR), words, strict=True):
            machine.reg_write(register, word)
        self._pc = pc | 1
        line = self._line()
        if line is not None:
            self.enter(FIRST_IRQ + line)
        elif it.pendsv and thread and machine.reg_read(_BASEPRI) == 0:
            it.pendsv = False
            self.enter(PENDSV)

    def _sleep(self) -> None:
        it = self.devices
        if self._line() is None:
            if it.due is None:
                raise Stuck("it sleeps for ever")
            it.now, it.due, it.fired = max(it.now, it.due), None, True
        self.machine.reg_write(_PRIMASK, 0)  # what it does next
        line = self._line()
        if line is not None:
            self.enter(FIRST_IRQ + line)

    def _go(self) -> None:
        self._event = None
        self._beat += 1
        self.running = True
        try:
            self.machine.emu_start(self._pc | 1, 0xFFFFFFFF)
        except UcError as error:
            raise Stuck(f"{error} at 0x{self.machine.reg_read(PC):08x}") from error
        finally:
            self.running = False
        self._pc = self.machine.reg_read(PC)

    def _returns(self, *_: object) -> None:
        self._returned = True
        self.machine.emu_stop()

    def _boot_ends(self, *_: object) -> None:
        self._booting = False
        self.machine.emu_stop()

    def run(self, until: Callable[[], bool]) -> None:
        """Go on until this holds (looked at when the processor sleeps), or somebody has stopped it by stop()."""
        self.stopped = False
        while not self.stopped:
            self._go()
            if self.stopped:
                return
            if self._returned and self.returns is not None:
                self._returned = False
                self._pc = self.returns()
            elif self._event == _SVC_INSTRUCTION:
                self.enter(SVC)
            elif self._event == _EXCEPTION_RETURN:
                self._leave(self._pc | 1)
            elif self._event is None and self.machine.mem_read(self._pc - 2, 2) == b"\x30\xbf":
                if until():
                    return
                self._sleep()
            elif self._booting is False:
                self._booting = None  # the thread that boots only waits from here on
                self.machine.reg_write(_BASEPRI, 0)
                self.enter(PENDSV)
            else:
                raise Stuck(f"event {self._event} at 0x{self._pc:08x}")

    def stop(self) -> None:
        """To be called from a hook, before the instruction that it is for."""
        self.stopped = True
        self.machine.emu_stop()

    def hook(self, function: Callable[..., None], begin: int, end: int | None = None) -> int:
        """Call function(machine, address, size, data) before each instruction from `begin` to `end`."""
        return int(self.machine.hook_add(UC_HOOK_CODE, function, begin=begin, end=begin if end is None else end))

    def call(self, function: int, argument: int) -> str:
        """The text that this function of C's returns; the board is of no use afterwards."""
        machine = self.machine
        machine.reg_write(_R[0], argument)
        machine.reg_write(_R[9], Symbols.read(self._kernel)["kernel_python_state"].address)
        machine.reg_write(LR, TRAMPOLINE | 1)
        machine.emu_start(function | 1, TRAMPOLINE)
        text = bytes(machine.mem_read(machine.reg_read(_R[0]), 64))
        return text[: text.index(0)].decode()

    # -- Rewinding ----------------------------------------------------------------------------

    def save(self) -> Snapshot:
        memory = [(base, bytes(self.machine.mem_read(base, size))) for base, size in self.writable()]
        return Snapshot((self.machine.context_save(), self._pc), memory, self.devices.copy(), len(self.output))

    def take_over(self, other: "Board") -> None:
        """Be where another board of the same kernel is, which sleeps; a context is of use to its own machine alone."""
        self.restore(self._reset)
        for base, size in self.writable():
            self.machine.mem_write(base, bytes(other.machine.mem_read(base, size)))
        for register in (XPSR, _IPSR, *_R, SP, LR, PSP, _PRIMASK, _CONTROL):
            self.machine.reg_write(register, other.machine.reg_read(register))
        self._pc, self.output[:], self.devices = other._pc, other.output, other.devices.copy()
        self.system, self._booting = dict(other.system), None

    def writable(self) -> tuple[tuple[int, int], ...]:
        # Of the flash, the first apps, and all from the apps' directory on.
        flash = (PSRAM, 0x4000), (PSRAM + 0x6E000, 0x13000)
        return (0x20000000, 0x40000), *flash, *((page, 0x1000) for page in MEMORY_OF_DEVICES)

    def restore(self, snapshot: Snapshot) -> None:
        for base, data in snapshot.memory:
            self.machine.mem_write(base, data)
        context, self._pc = snapshot.context
        self.machine.context_restore(context)
        self.devices = snapshot.devices.copy()
        del self.output[snapshot.output :]


def watch(reference: "weakref.ref[Board]") -> None:
    """Stop a board that does not come to an end."""
    beat = -1
    while True:
        time.sleep(LONGEST)
        board = reference()
        if board is None:
            return
        if board._beat == beat and board.running:
            board.machine.emu_stop()
        beat = board._beat
