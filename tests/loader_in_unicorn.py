"""The kernel's loader, its real machine code from the finished image, on any app flash: thousands of times a second.

Unicorn executes `loader_load_all` with nothing booted. What it would need of the rest (an identity for each process)
is a piece of memory; what it prints is what it found.
"""

from pathlib import Path

from elftools.elf.elffile import ELFFile
from unicorn import UC_ARCH_ARM, UC_HOOK_CODE, UC_MODE_MCLASS, UC_MODE_THUMB, Uc
from unicorn.arm_const import (
    UC_ARM_REG_LR,
    UC_ARM_REG_PC,
    UC_ARM_REG_R0,
    UC_ARM_REG_R1,
    UC_ARM_REG_R2,
    UC_ARM_REG_SP,
)

from adder.board import Board
from adder.symbols import Symbols

RETURN = 0xFF000  # no code is there
ALLOCATORS = ("m_malloc_maybe", "m_malloc")


class KernelLoader:
    """`run(flash)` gives the lines that the kernel's loader prints for this app flash."""

    def __init__(self, kernel: Path, board: Board) -> None:
        self.board = board
        symbols = Symbols.read(kernel)
        self._entry = symbols["loader_load_all"].address | 1
        self._machine = machine = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        machine.mem_map(0, 0x100000)
        machine.mem_map(board.ram.start, board.ram.size)
        machine.mem_map(board.app_flash.start, board.app_flash.size)
        machine.mem_map(0xE0000000, 0x100000)  # the processor's own registers
        with kernel.open("rb") as file:
            for segment in ELFFile(file).iter_segments("PT_LOAD"):
                if segment["p_filesz"]:
                    machine.mem_write(segment["p_paddr"], segment.data())
                    machine.mem_write(segment["p_vaddr"], segment.data())
        self._processes = symbols["processes"]
        self._nobody = bytes(machine.mem_read(self._processes.address, self._processes.size))
        self._stack, self._heap = symbols["_stack_top"].address, symbols["_heap_start"].address
        self._text = bytearray()
        self._allocated = 0
        self._hook(symbols["print_as"].address, self._print)
        for name in ALLOCATORS:
            self._hook(symbols[name].address, self._allocate)

    def _hook(self, address: int, function: object) -> None:
        self._machine.hook_add(UC_HOOK_CODE, function, begin=address, end=address)

    def _leave(self) -> None:
        self._machine.reg_write(UC_ARM_REG_PC, self._machine.reg_read(UC_ARM_REG_LR))

    def _print(self, machine: Uc, *_: object) -> None:
        self._text += machine.mem_read(machine.reg_read(UC_ARM_REG_R1), machine.reg_read(UC_ARM_REG_R2))
        self._leave()

    def _allocate(self, machine: Uc, *_: object) -> None:
        machine.reg_write(UC_ARM_REG_R0, self._heap + 64 * self._allocated)
        self._allocated += 1
        self._leave()

    def run(self, flash: bytes) -> list[str]:
        """What the loader says of this app flash, whose rest is erased."""
        machine, board = self._machine, self.board
        machine.mem_write(board.app_flash.start, flash.ljust(board.app_flash.size, b"\xff"))
        machine.mem_write(self._processes.address, self._nobody)
        self._text.clear()
        self._allocated = 0
        machine.reg_write(UC_ARM_REG_SP, self._stack)
        machine.reg_write(UC_ARM_REG_LR, RETURN | 1)
        machine.emu_start(self._entry, RETURN, count=50_000_000)
        return self._text.decode("latin-1").splitlines()
