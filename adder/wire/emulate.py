"""Runs the kernel until it is wired, in Unicorn.

It runs three times: with its heap at one place and at another, with hardware that answers each read with zeros; and
once more at the first place, with hardware that answers with ones. What the first two may differ in, the third may not
(compare.py): so nothing that was read is taken for an address, and no address for something that was read.
"""

import re
import struct
from dataclasses import dataclass, field
from typing import Any

from unicorn import UC_ARCH_ARM, UC_HOOK_CODE, UC_HOOK_MEM_UNMAPPED, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, UcError
from unicorn import arm_const as arm

from adder.board import Region
from adder.errors import AdderError
from adder.wire.kernel import Kernel

HEAP_SIZE = 0x40000  # more than any board needs: it is the emulator's
MORE_STACK = 0x8000  # for modules that import modules; when the kernel runs, none is imported
PLACES = (0x30100000, 0x30154320)  # no memory of a board lies there
RUNS = ((PLACES[0], 0), (PLACES[1], 0), (PLACES[0], 0xFFFFFFFF))  # where the heap is, and the answer

PAGE = 0x1000
PROCESSOR = Region(0xE0000000, 0x100000)  # its own registers: SysTick, NVIC, MPU; wiring depends on none
PERIPHERALS = Region(0x40000000, 0x20000000)
INSTRUCTIONS = 200_000_000
ACCESSES = 20_000  # each is kept; a board's wiring needs some hundred


@dataclass(frozen=True)
class Access:
    """A capsule has read or written hardware."""

    address: int
    value: int | None  # written; None: it was read
    capsule: int
    pc: int
    callers: tuple[int, ...] = ()


@dataclass
class Run:
    """The memory of a kernel that has been wired, and what it has done to the hardware."""

    heap: int  # where it lies
    ram: bytes  # the kernel's variables: .data and .bss
    objects: bytes  # the heap
    accesses: list[Access] = field(default_factory=list)
    said: str = ""  # in the kernel's log


def aligned(start: int, end: int) -> tuple[int, int]:
    """Whole pages."""
    first = start // PAGE * PAGE
    return first, (end + PAGE - 1) // PAGE * PAGE - first


class Machine:
    """A processor with the kernel's flash and RAM, a heap, and hardware that answers always the same."""

    def __init__(self, kernel: Kernel, memory: list[Region], heap: int, answer: int) -> None:
        self.kernel, self.heap, self.answer = kernel, heap, answer
        self.accesses: list[Access] = []
        self.wiring = self.has_ended = False
        self.printed = ""  # by its panic: what it said last
        self.uc: Any = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self.uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        for region in memory:
            self.uc.mem_map(*aligned(region.start, region.end))
        self.uc.mem_map(heap // PAGE * PAGE, HEAP_SIZE + PAGE)
        self.uc.mmio_map(PROCESSOR.start, PROCESSOR.size, lambda *_: 0, None, lambda *_: None, None)
        self.uc.mmio_map(
            PERIPHERALS.start, PERIPHERALS.size, self._read, PERIPHERALS.start, self._write, PERIPHERALS.start
        )
        self.uc.hook_add(UC_HOOK_MEM_UNMAPPED, self._unmapped)
        for _, load, data in kernel.segments:
            self.uc.mem_write(load, data)
        stack_end = kernel.symbols["_stack_limit"] - MORE_STACK
        self.uc.mem_map(*aligned(stack_end, stack_end + MORE_STACK))
        bounds = struct.pack("<III", heap, heap + HEAP_SIZE, stack_end)
        self.uc.mem_write(kernel.load_address("memory_bounds"), bounds)
        self._at("wiring_begins", self._begin)
        self._at("board_panic_putc", self._prints)
        self._at("kernel_panic", self._ends)

    def _at(self, name: str, function: Any) -> None:
        address = self.kernel.symbols[name] & ~1
        self.uc.hook_add(UC_HOOK_CODE, function, begin=address, end=address)

    def _begin(self, *_: object) -> None:
        self.wiring = True
        # What needs more memory than there is fails, as it would the next time: there is no other try.
        self.uc.mem_write(self.kernel.symbols["contain_last_try"], b"\1")

    def _prints(self, *_: object) -> None:
        self.printed += chr(self.uc.reg_read(arm.UC_ARM_REG_R0) & 0xFF)
        self.uc.reg_write(arm.UC_ARM_REG_PC, self.uc.reg_read(arm.UC_ARM_REG_LR))

    def _ends(self, *_: object) -> None:
        self.has_ended = True
        self.uc.emu_stop()

    def _note(self, address: int, value: int | None) -> None:
        if self.wiring:
            capsule = self.uc.mem_read(self.kernel.symbols["contain_running"], 1)[0]
            callers = self._stack() if value is None else ()
            self.accesses.append(Access(address, value, capsule, self.uc.reg_read(arm.UC_ARM_REG_PC), callers))
            if len(self.accesses) > ACCESSES:
                self.uc.emu_stop()

    def _stack(self) -> tuple[int, ...]:
        stack = self.uc.reg_read(arm.UC_ARM_REG_SP)
        words = struct.iter_unpack("<I", self.uc.mem_read(stack, self.kernel.symbols["_stack_top"] - stack))
        return tuple(word for (word,) in words)

    def _read(self, _: object, offset: int, size: int, base: int) -> int:
        self._note(base + offset, None)
        return self.answer & ((1 << 8 * size) - 1)

    def _write(self, _: object, offset: int, size: int, value: int, base: int) -> None:
        self._note(base + offset, value)

    def _unmapped(self, uc: Any, kind: int, address: int, size: int, value: int, _: object) -> bool:
        """What else there is on a board, flash that is not the kernel's for instance. It reads like hardware."""
        first = address // PAGE * PAGE
        uc.mmio_map(first, PAGE, self._read, first, self._write, first)
        return True

    def run(self) -> Run:
        """Boot, until the kernel is wired."""
        kernel, uc = self.kernel, self.uc
        stack, entry = struct.unpack("<II", uc.mem_read(kernel.symbols["_vectors"], 8))
        uc.reg_write(arm.UC_ARM_REG_MSP, stack)
        over = kernel.symbols["wiring_is_over"] & ~1
        try:
            uc.emu_start(entry | 1, over, count=INSTRUCTIONS)
        except UcError as error:
            raise AdderError(
                f"The kernel cannot be wired: {error} at 0x{uc.reg_read(arm.UC_ARM_REG_PC):08x}."
            ) from error
        if self.has_ended:
            raise AdderError(self._refused())
        if uc.reg_read(arm.UC_ARM_REG_PC) & ~1 != over:
            raise self._endless()
        start, end = kernel.symbols["_data_start"], kernel.symbols["_bss_end"]
        return Run(
            self.heap,
            bytes(uc.mem_read(start, end - start)),
            bytes(uc.mem_read(self.heap, HEAP_SIZE)),
            self.accesses,
            self.said(),
        )

    def _refused(self) -> str:
        """What the kernel said last, its exception first."""
        said = self.printed.replace("\r", "").strip()
        why = said.rpartition("\n")[2]
        hint = "".join(f" `make menuconfig` changes {option}." for option in re.findall(r"CONFIG_\w+", why)[:1])
        return f"The kernel cannot be wired: {why.rstrip('.')}.{hint} It said:\n{said}"

    def _endless(self) -> AdderError:
        from adder.wire.places import first_function

        where = first_function(self.kernel, (self.uc.reg_read(arm.UC_ARM_REG_PC) | 1, *self._stack())) or "it"
        said = self.said() or "(nothing)"
        return AdderError(f"The kernel cannot be wired: {where} does not come to an end. It said:\n{said}")

    def said(self) -> str:
        """What is in the kernel's log."""
        ring, size = self.kernel.symbols["kernel_log_ring"], self.kernel.sizes["kernel_log_ring"]
        head = int.from_bytes(self.uc.mem_read(self.kernel.symbols["head"], 4), "little")
        return bytes(self.uc.mem_read(ring, min(head, size))).decode("ascii", "replace").replace("\r", "")


def run_all(kernel: Kernel, memory: list[Region]) -> list[Run]:
    """The three runs."""
    return [Machine(kernel, memory, place, answer).run() for place, answer in RUNS]
