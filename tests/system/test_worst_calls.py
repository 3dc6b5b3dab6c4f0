"""Each system call with its worst arguments: none keeps the kernel for long.

Which commands there are is read from the docstrings of the capsules that the kernel serves, so a new capsule is
measured without being named here, and one that is not measured is missed: the kernel's own table says how many it
serves.
"""

import re
from pathlib import Path
from typing import Any

from adder.board import ROOT
from adder.elf_to_tbf import Options, elf_to_tbf
from adder.flash_image import FlashImage, read_app_file
from adder.simulate import Simulation
from adder.tbf import StoragePermissions

MOST = 20_000
"""Instructions of the whole call, what Python does in it and a collection of garbage among them."""

IN_PIECES = {("8", "1"): 60_000, ("8", "2"): 60_000, ("8", "3"): 60_000}
"""Low-level debug logs a line: several calls into C, between which a time-out may come. How long each of them takes,
tests/adversarial/test_bounds.py measures."""

PER_TICK = 320
"""A tick of the app's clock is 10.24 us, an instruction 32 ns (adder/simulate.py)."""


def commands() -> dict[int, list[int]]:
    """The driver number of each capsule, with the commands of its docstring."""
    found = {}
    for path in (ROOT / "capsules").rglob("*.py"):
        text = path.read_text()
        number = re.search(r"^DRIVER_NUM\b.*const\((\w+)\)", text, re.MULTILINE)
        table = re.search(r"^Command\n((?:    .*\n|\n(?=    ))+)", text, re.MULTILINE)
        if number and table:
            found[int(number[1], 0)] = [int(one) for one in re.findall(r"^    (\d+)\b", table[1], re.MULTILINE)]
    return found


def test_no_call_takes_the_kernel_long_whatever_its_arguments_are(
    kernel: Path, kernel_symbols: Any, tmp_path: Path
) -> None:
    wanted = commands()
    text = ";".join(f"{driver}:{','.join(map(str, numbers))}" for driver, numbers in wanted.items()).encode()
    elf = (ROOT / "build" / "apps" / "costs.elf").read_bytes()
    at = elf.index(b"COMMANDS:") + len("COMMANDS:")
    assert len(text) < 500, "the list in apps/costs/main.c is too small"
    elf = elf[:at] + text + bytes(1) + elf[at + len(text) + 1 :]
    image = FlashImage(tmp_path / "flash.img")
    options = Options(name="costs", storage=StoragePermissions(27, (27,), (27,)))
    costs = tmp_path / "costs.tbf"
    costs.write_bytes(elf_to_tbf(elf, options).encode())
    others = [ROOT / "build" / "apps" / f"{name}.tbf" for name in ("hello", "blink")]
    image.install([read_app_file(path) for path in (*others, costs)], only=True)
    with Simulation(kernel, image.path, clock="counted") as board:
        done = board.expect(r"costs: done, (\d+) drivers", timeout=100)
        served = board.read_memory(kernel_symbols["driver_count"].address, 1)[0]
        shown = board.transcript
    assert int(done[1]) == served, "the kernel serves a capsule that is not among those read"
    found = re.findall(r"costs: (\w+) (?:0x)?(\w+)(?: (\d+))?: (\d+) ticks", shown)
    measured = {(int(driver, 16), int(number)) for kind, driver, number, _ in found if kind == "command"}
    drivers = {driver for driver, _ in measured}
    assert measured == {(driver, number) for driver in drivers for number in wanted[driver]}
    assert {kind for kind, *_ in found} == {"command", "subscribe", "allow", "memop", "yield"}
    long = [
        (kind, driver, number, int(ticks) * PER_TICK)
        for kind, driver, number, ticks in found
        if int(ticks) * PER_TICK > (IN_PIECES.get((driver, number), MOST) if kind == "command" else MOST)
    ]
    assert long == []
