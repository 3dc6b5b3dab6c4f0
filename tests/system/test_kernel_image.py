"""What the linker made of the kernel."""

import re

import pytest

from adder.board import ROOT
from adder.size import read_map

BOARDS = ("qemu", "nrf52840")
MUTABLE = (".data", ".bss")

TRUSTED = re.compile(r"^(core|kernel|arch)/|^main\.o$|^panic_console")
"""Objects that only the kernel runs: they may have variables."""


@pytest.mark.parametrize("board", BOARDS)
def test_the_shared_interpreter_has_no_variable_outside_its_state(board) -> None:
    build = ROOT / "build" / board
    found = {}
    for piece in read_map((build / "kernel.map").read_text()):
        origin = piece.origin.removeprefix(f"{build}/")
        if piece.section in MUTABLE and not TRUSTED.search(origin):
            found.setdefault(origin, []).append(piece.name)
    assert not found, (
        f"{found}: every process would write to this; give it a wrapper like firmware/port/upstream_readline.c"
    )


def test_processes_may_read_nothing_of_the_kernels_own_code(kernel_symbols) -> None:
    end = kernel_symbols["_interpreter_end"].address
    for name in ("process_fault", "kernel_work", "PendSV_Handler", "fault_of_kernel", "mint_module", "kernel_module"):
        assert kernel_symbols[name].address >= end, name
    # The MPU can end the regions here.
    assert end % (0x4000 if end <= 0x40000 else 0x8000) == 0
