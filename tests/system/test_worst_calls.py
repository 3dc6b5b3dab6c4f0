"""Each system call with its worst arguments: none keeps the kernel for long.

Which commands there are is read from the docstrings of the capsules that the kernel serves, so a new capsule is
measured without being named here, and one that is not measured is missed: the kernel's own table says how many it
serves. The classes are those of the kernel's table of system calls, the memops those of its switch.
"""

import re
import struct
from pathlib import Path
from typing import Any

import pytest
from cortex import PSP, Board, Uc

from adder.apps.driver_docs import capsules
from adder.apps.elf_to_tbf import Options, elf_to_tbf
from adder.apps.tbf import StoragePermissions
from adder.board import ROOT
from adder.image.flash_image import FlashImage, read_app_file
from adder.run.simulate import Simulation

MOST = 22_500
"""Instructions of the whole call, what Python does in it and a collection of garbage among them. The console's write is
the longest: it hands the first bytes to the line and notes what was written. What C does at a stretch is below 20,000:
test_system_call_time.py."""

IN_STEPS = "8"
"""Low-level debug. The console begins to show its line at once, a byte each interrupt; the app sees that as well. So
its calls are counted in Unicorn, where interrupts wait."""

APPS = 0x20000000
"""Where no code of the kernel's is: programs lie in memory above."""

PER_TICK = 320
"""A tick of the app's clock is 10.24 us, an instruction 32 ns (adder/run/simulate.py)."""


def commands() -> dict[int, list[int]]:
    """The driver number of each capsule, with the commands of its docstring."""
    found = {}
    for capsule in capsules():
        table = re.search(r"^Command\n((?:    .*(?:\n|\Z)|\n(?=    ))+)", capsule.docstring, re.MULTILINE)
        if table:
            numbers = [int(one) for one in re.findall(r"^    (\d+)\b", table[1], re.MULTILINE)]
            found.update(dict.fromkeys(capsule.numbers, numbers))
    return found


def classes() -> set[str]:
    """The system calls of the kernel's table."""
    source = (ROOT / "firmware" / "kernel" / "syscall.c").read_text()
    table = source.split("system_call_table[]")[1].split("};")[0]
    return set(re.findall(r"syscall_(\w+),", table)) - {"unknown"}


def memops() -> set[int]:
    """The operations that the kernel knows."""
    source = (ROOT / "firmware" / "kernel" / "syscall.c").read_text()
    switch = source.split("static void syscall_memop")[1].split("\n}\n")[0]
    return {int(number) for number in re.findall(r"case (\d+):", switch)}


NAMES = {"allow_rw": "allow_read_write", "allow_ro": "allow_read_only"}
"""What the app calls otherwise than the kernel."""


def write_flash(folder: Path, text: bytes) -> FlashImage:
    """The app, told of these commands, and four others, of which it removes some."""
    elf = (ROOT / "build" / "apps" / "costs.elf").read_bytes()
    at = elf.index(b"COMMANDS:") + len("COMMANDS:")
    assert len(text) < 1000, "the list in tests/apps/costs/main.c is too small"
    elf = elf[:at] + text + bytes(1) + elf[at + len(text) + 1 :]
    image = FlashImage(folder / "flash.img")
    options = Options(name="costs", storage=StoragePermissions(27, (27,), (27,)))
    costs = folder / "costs.tbf"
    costs.write_bytes(elf_to_tbf(elf, options).encode())
    others = [ROOT / "build" / "apps" / f"{name}.tbf" for name in ("hello", "blink", "ping", "pong")]
    image.install([read_app_file(path) for path in (*others, costs)], only=True)
    return image


def test_no_call_takes_the_kernel_long_whatever_its_arguments_are(
    kernel: Path, kernel_symbols: Any, tmp_path: Path
) -> None:
    wanted = commands()
    text = ";".join(f"{driver}:{','.join(map(str, numbers))}" for driver, numbers in wanted.items()).encode()
    image = write_flash(tmp_path, text)
    with Simulation(kernel, image.path, clock="counted") as board:
        done = board.expect(r"costs: done, (\d+) drivers", timeout=100)
        served = board.read_memory(kernel_symbols["driver_count"].address, 1)[0]
        shown = board.transcript
    assert int(done[1]) == served, "the kernel serves a capsule that is not among those read"
    found = re.findall(r"costs: (\w+) (?:0x)?(\w+)(?: (\d+))?: (\d+) ticks", shown)
    measured = {(int(driver, 16), int(number)) for kind, driver, number, _ in found if kind == "command"}
    drivers = {driver for driver, _ in measured}
    assert measured == {(driver, number) for driver in drivers for number in wanted[driver]}
    # From an exit nobody returns: the test below.
    assert {NAMES.get(kind, kind) for kind, *_ in found} | {"exit"} == classes()
    assert {int(number) for kind, number, *_ in found if kind == "memop"} >= memops()
    assert {number for kind, number, *_ in found if kind == "yield"} >= {"0", "1", "2"}
    long = [
        (kind, driver, number, int(ticks) * PER_TICK)
        for kind, driver, number, ticks in found
        if int(ticks) * PER_TICK > MOST and (kind, driver) != ("command", IN_STEPS)
    ]
    assert long == []


@pytest.mark.parametrize("again", [0, 1], ids=["terminate", "restart"])
def test_an_exit_does_not_take_the_kernel_long_either(
    again: int, kernel: Path, kernel_symbols: Any, tmp_path: Path
) -> None:
    """Of an app that has a grant, upcalls and memory with each driver: counted in Unicorn, up to the kernel's loop."""
    drivers = ";".join(f"{driver}:" for driver in commands()).encode()
    image = write_flash(tmp_path, drivers)
    board = Board(kernel, image.path.read_bytes()[:0x100000])
    reached: list[int] = []
    count = 0

    def exits(machine: Uc, address: int, size: int, data: object) -> None:
        if b"costs: done" in board.output and not reached:
            reached.append(address)
            board.stop()

    def counts(machine: Uc, address: int, size: int, data: object) -> None:
        nonlocal count
        if address == kernel_symbols["kernel_work"].address & ~1:
            reached.append(address)
            board.stop()
        count += 1

    entry = kernel_symbols["syscall_exit"].address & ~1
    board.hook(exits, entry)
    board.run(lambda: bool(reached))
    board.machine.mem_write(board.machine.reg_read(PSP), struct.pack("<I", again))
    board.hook(counts, 0, 0xFFFFF)
    board.machine.ctl_flush_tb()
    board.run(lambda: len(reached) > 1)
    assert len(reached) == 2
    assert 20 < count < MOST, count


def calls(board: Board, symbols: Any, driver: int, most: int = 1000) -> list[tuple[int, int]]:
    """The commands to this driver and the instructions of each, in Unicorn, up to the kernel's loop or the app."""
    found: list[tuple[int, int]] = []
    under_way: list[int] = []
    work = symbols["kernel_work"].address & ~1

    def begins(machine: Uc, address: int, size: int, data: object) -> None:
        to, number = struct.unpack("<2I", machine.mem_read(machine.reg_read(PSP), 8))
        if to == driver:
            under_way[:] = [number, 0]

    def goes_on(machine: Uc, address: int, size: int, data: object) -> None:
        if under_way:
            under_way[1] += 1
            if address == work or address >= APPS:
                found.append((under_way[0], under_way[1]))
                under_way.clear()
                if len(found) == most:
                    board.stop()

    board.hook(begins, symbols["syscall_command"].address & ~1)
    board.hook(goes_on, 0, 0xFFFFFFFF)
    board.run(lambda: b"costs: done" in board.output or len(found) == most)
    return found


def test_the_first_that_asks_which_apps_there_are_does_not_take_long_either(
    kernel: Path, kernel_symbols: Any, tmp_path: Path
) -> None:
    """The store looks at their headers then, an app at a time, behind the call. The test above sees the later ones."""
    board = Board(kernel, write_flash(tmp_path, b"65537:1").path.read_bytes()[:0x100000])
    asked = [count for number, count in calls(board, kernel_symbols, 0x10001, most=3) if number == 1]
    assert 2000 < asked[0] < MOST, asked


def test_low_level_debug_does_not_take_long_either(kernel: Path, kernel_symbols: Any, tmp_path: Path) -> None:
    board = Board(kernel, write_flash(tmp_path, b"8:1,2,3").path.read_bytes()[:0x100000])
    longest: dict[int, int] = {}
    for number, count in calls(board, kernel_symbols, 8, most=10_000):
        longest[number] = max(count, longest.get(number, 0))
    assert set(longest) == {0, 1, 2, 3}
    assert 1000 < longest[3] < MOST, longest
