"""The kernel of each board with an nRF52840: it links where that board's bootloader starts it, and is small enough.

`make test` builds the two whose flash is laid out least alike; `make variants`, as the workflow in .github, builds all.
"""

from pathlib import Path

import pytest
from kernels import build_variant

from adder.board import ROOT, Board, board_folder, board_names, load_board
from adder.board.configuration import load
from adder.measure.size import Bytes, measure
from adder.symbols import Symbols

BUILT = ROOT / "build" / "nrf52840"
FLASH_LIMIT = 448 * 1024
RAM_LIMIT = 64 * 1024

BOARDS = [name for name in board_names() if board_folder(name).name == "nrf52840"]
VARIANTS = [*((name, ()) for name in BOARDS), ("feather", ("NRF52_BOOT_UF2_S140_7=y",))]
"""Each board with the bootloader that it is sold with, and the one that starts the kernel somewhere else still."""

SHORT = ("nrf52840dongle", "feather")
"""The kernel begins at 0x1000, with 28 KB before the interpreter, and at 0x26000, which no MPU region can begin at."""


def size_of(elf: Path, board: Board) -> Bytes:
    """What a kernel takes."""
    return measure(elf, elf.with_suffix(".map").read_text(), board).total


@pytest.fixture(scope="module")
def board() -> Board:
    return load_board("nrf52840")


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_the_kernel_is_at_most_448_kb_and_64_kb_of_ram_on_each_board(name, options, board, long) -> None:
    if (name not in SHORT or options) and not long:
        pytest.skip("`make variants` builds it; `make test` builds two of the boards")
    elf = build_variant(name, *options, base="nrf52840")
    symbols = Symbols.read(elf)
    start = int(load(name, elf.parent).syms["NRF52_KERNEL_START"].str_value, 16)
    # The vectors are where the bootloader looks for them: the stack's top, and the reset handler.
    assert symbols["_vectors"].address == start
    vectors = elf.with_suffix(".bin").read_bytes()[:8]
    assert int.from_bytes(vectors[:4], "little") == symbols["_stack_top"].address
    assert int.from_bytes(vectors[4:], "little") & ~1 == symbols["Reset_Handler"].address & ~1
    total = size_of(elf, board)
    assert total.flash <= FLASH_LIMIT
    assert total.ram <= RAM_LIMIT
    # Where the kernel begins decides where the MPU can begin and end regions: it costs a piece of one at the most.
    assert total.flash <= size_of(BUILT / "kernel.elf", board).flash + 8192
