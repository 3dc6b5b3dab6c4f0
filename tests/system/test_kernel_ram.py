"""What RAM the kernel has before any process, and what it uses of it when many run."""

from pathlib import Path

import pytest

from adder.board import ROOT, load_board
from adder.chip.nrf52840 import Chip
from adder.measure.size import measure_board
from adder.run.renode import flash_contents
from adder.symbols import Symbols

BUSY = ("hello", "blink", "ping", "pong", "float", "faulty", "clock-py", "rot13-py", "repl-py", "bench-spin")
BLOCK = 16  # bytes of the heap's blocks, each of which has two bits in the table at the heap's beginning


@pytest.mark.parametrize(("board", "limit"), [("qemu", 48_450), ("nrf52840", 34_000)])
def test_the_kernels_ram_stays_within_its_limit(board: str, limit: int) -> None:
    """Its stack included. QEMU's board serves nearly all drivers: some 250 bytes for each that the other has not."""
    assert measure_board(load_board(board)).total.ram <= limit


class Busy:
    """The nRF52840's kernel after some seconds with ten apps, of which two read what is typed."""

    def __init__(self) -> None:
        board, kernel = load_board("nrf52840"), ROOT / "build" / "nrf52840" / "kernel.elf"
        apps: list[Path] = [ROOT / "build" / "apps" / f"{name}.tbf" for name in BUSY]
        self.symbols = Symbols.read(kernel)
        self.chip = Chip(kernel, {board.app_flash.start: flash_contents(apps, board, b"")})
        self.chip.run(2.0)
        for _ in range(3):
            self.chip.type("print(6 * 7)\r")
            self.chip.run(0.5)
        assert "42\r\n" in self.chip.transcript
        assert "kernel: capsule" not in self.chip.transcript
        assert self.chip.transcript.count(": slot ") == len(BUSY)

    def memory(self, start: str, end: str) -> bytes:
        first = self.symbols[start].address
        return bytes(self.chip.read_memory(first, self.symbols[end].address - first))


@pytest.fixture(scope="module")
def busy() -> Busy:
    return Busy()


CLIENT_STACK = 2048  # firmware/kernel/contain.c: with less, no callback begins


def test_a_busy_kernels_stack_has_room_for_one_more_callback(busy: Busy) -> None:
    stack = busy.memory("_stack_limit", "_stack_top")
    assert 1000 < len(stack.lstrip(b"\0")) < len(stack) - CLIENT_STACK


def test_a_busy_kernel_uses_less_than_half_of_the_stack_for_bytecode(busy: Busy) -> None:
    frames = busy.symbols["pystack"]
    used = bytes(busy.chip.read_memory(frames.address, frames.size)).rstrip(b"\0")
    assert 100 < len(used) < frames.size / 2


def test_a_busy_kernel_uses_less_than_two_thirds_of_its_heap(busy: Busy) -> None:
    heap = busy.memory("_heap_start", "_heap_end")
    table = heap[: len(heap) // BLOCK // 4]
    blocks = sum(byte >> shift & 3 != 0 for byte in table for shift in (0, 2, 4, 6))
    assert 1000 < blocks * BLOCK < len(heap) * 2 / 3
