"""What the linker made of the kernel."""

import re
import struct
import subprocess
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc
from unicorn import arm_const as arm

from adder.board import ROOT, load_board
from adder.measure.size import measure_board, read_map
from adder.symbols import Symbols

BOARDS = ("qemu", "nrf52840")
MUTABLE = (".data", ".bss")

TRUSTED = re.compile(r"^(core|kernel|objects|arch)/|^main\.o$|^panic_console")
"""Objects that only the kernel runs: they may have variables."""

FLASH = (".before", ".interpreter", ".bytecode", ".kernel")
PRIVATE = re.compile(TRUSTED.pattern + r"|^flash_")
"""Objects that no process may read."""

KERNEL_PYTHON = re.compile(r"^\.text$|_(capsules|board|boards|components)_|^\.rodata\.frozen_function|_board$")
"""Sections of the frozen modules that are the kernel's."""


@pytest.mark.parametrize("board", BOARDS)
def test_the_shared_interpreter_has_no_variable_outside_its_state(board) -> None:
    build = ROOT / "build" / board
    found: dict[str, list[str]] = {}
    for piece in read_map((build / "kernel.map").read_text()):
        origin = piece.origin.removeprefix(f"{build}/")
        if piece.section in MUTABLE and not TRUSTED.search(origin):
            found.setdefault(origin, []).append(piece.name)
    assert not found, (
        f"{found}: every process would write to this; wrap it as is firmware/python_process/upstream_readline.c"
    )


@pytest.mark.parametrize("board", BOARDS)
def test_processes_may_read_nothing_of_the_kernels_own_code(board) -> None:
    symbols = Symbols.read(ROOT / "build" / board / "kernel.elf")
    shown = range(symbols["_interpreter_start"].address, symbols["_interpreter_end"].address)
    for name in ("process_fault", "kernel_work", "PendSV_Handler", "fault_of_kernel", "kernel_module"):
        assert symbols[name].address not in shown, name
    assert symbols["_frozen_code_start"].address not in shown
    build = ROOT / "build" / board
    for piece in read_map((build / "kernel.map").read_text()):
        origin = piece.origin.removeprefix(f"{build}/")
        if piece.address in shown and piece.section in FLASH:
            assert not PRIVATE.search(origin) or piece.name == ".vectors", f"{origin}: {piece.name}"


@pytest.mark.parametrize("board", BOARDS)
def test_processes_may_read_all_that_is_not_the_kernels(board) -> None:
    """What the interpreter needs lies in its regions, above all the frozen library and the frozen names."""
    build = ROOT / "build" / board
    symbols = Symbols.read(build / "kernel.elf")
    shown = range(symbols["_interpreter_start"].address, symbols["_interpreter_end"].address)
    hidden = [
        f"{origin}: {piece.name}"
        for piece in read_map((build / "kernel.map").read_text())
        if piece.section in FLASH and not (piece.address in shown and piece.address + piece.size <= shown.stop)
        for origin in [piece.origin.removeprefix(f"{build}/")]
        if not PRIVATE.search(origin) and not (origin == "frozen_content.o" and KERNEL_PYTHON.search(piece.name))
    ]
    assert not hidden, hidden


@pytest.mark.parametrize("board", BOARDS)
def test_the_mpu_can_end_the_interpreters_regions_where_they_end(board) -> None:
    symbols = Symbols.read(ROOT / "build" / board / "kernel.elf")
    start, middle, end = (symbols[f"_interpreter_{name}"].address for name in ("start", "middle", "end"))
    for low, high in ((start, middle), (middle, end)):
        size = 256
        while low // size * size + size < high:
            size *= 2
        assert low < high, "a region is empty"
        assert low % (size // 8) == high % (size // 8) == 0, f"{low:#x} to {high:#x}: eighths of {size:#x}"


def test_the_interpreter_asks_nothing_of_the_kernel_that_the_bare_one_lacks() -> None:
    """`adder bench-interpreter` links the same objects with tests/bench/bare/main.c in the kernel's place."""
    build = ROOT / "build" / "qemu"
    folders = ("py", "extmod", "lib", "shared", "python_process")
    files = [path for folder in folders for path in (build / folder).rglob("*.o")]
    files += [*build.glob("upstream_*.o"), build / "frozen_content.o"]
    listed = subprocess.run(["arm-none-eabi-nm", *files], capture_output=True, text=True, check=True).stdout
    kinds = re.findall(r"^ *[0-9a-f]* +(\w) (\w+)$", listed, re.MULTILINE)
    defined = {name for kind, name in kinds if kind != "U"}
    asked = {name for kind, name in kinds if kind == "U"} - defined
    asked = {name for name in asked if not name.startswith(("__aeabi_", "__popcount"))}  # the compiler's own
    there = (ROOT / "tests" / "bench" / "bare" / "main.c").read_text()
    assert "mp_hal_stdout_tx_strn" in asked, "the objects are not those of an interpreter"
    missing = {name for name in asked if not re.search(rf"^\w[^\n=]* \*?{name}(\(| =|;)", there, re.MULTILINE)}
    assert not missing, f"tests/bench/bare/main.c lacks {missing}"


SYSTEM, SYST_RVR, RETURN = 0xE000E000, 0xE000E014, 0x10000000
FRAME = 0x200F0000  # in RAM that neither board has


def emulator(kernel: Path) -> Uc:
    """A processor with the kernel in its flash, and RAM that is 0."""
    machine = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
    for start in (0, 0x20000000):
        machine.mem_map(start, 0x100000)
    machine.mem_map(SYSTEM, 0x1000)
    machine.mem_map(RETURN, 0x1000)
    with kernel.open("rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            if segment["p_paddr"] < 0x100000:
                machine.mem_write(segment["p_paddr"], segment.data())
    return machine


def call(machine: Uc, function: int, *arguments: int) -> None:
    """Call a function of C."""
    for register, value in zip((arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1), arguments, strict=False):
        machine.reg_write(register, value)
    machine.reg_write(arm.UC_ARM_REG_LR, RETURN | 1)
    machine.reg_write(arm.UC_ARM_REG_SP, 0x20080000)
    machine.emu_start(function | 1, RETURN, count=1000)
    assert machine.reg_read(arm.UC_ARM_REG_PC) == RETURN


def widest_gap(ticks: list[int], length: int) -> int:
    """How many cycles of a loop of that length none of these ticks comes in."""
    places = sorted({place % length for place in accumulate(ticks)})
    return max(b - a for a, b in pairwise([*places, places[0] + length]))


@pytest.mark.parametrize("board", BOARDS)
def test_the_ticks_that_look_for_machine_code_come_everywhere_in_a_loop_however_long_it_is(board) -> None:
    """Or a loop might be found in what it calls alone, by all of them."""
    kernel = ROOT / "build" / board / "kernel.elf"
    machine = emulator(kernel)
    begin = Symbols.read(kernel)["tick_soon"].address
    ticks = []
    for _ in range(4096):
        call(machine, begin)
        ticks.append(struct.unpack("<I", machine.mem_read(SYST_RVR, 4))[0] + 1)
    assert 7000 < min(ticks) < max(ticks) < 13000
    for entry in (0, 50):  # cycles until the next one begins
        late = [tick + entry for tick in ticks]
        # As wide as it is where they come at random, and not as where they repeat themselves.
        lengths = [*range(300, 20000, 199), 4096, 6743, 7264, 8192, 10100, 16384, 16448]
        worst = max(lengths, key=lambda length: widest_gap(late, length) / max(1, length / len(late)))
        assert widest_gap(late, worst) <= 20 * max(1, worst / len(late)), worst


def test_a_kernel_is_as_small_as_the_readme_says() -> None:
    said = re.search(r"kernel takes (\d+) KB of the 256 KB of RAM, and (\d+) KB", (ROOT / "README.md").read_text())
    assert said is not None
    total = measure_board(load_board("nrf52840")).total
    for measured, claimed in ((total.ram, int(said[1])), (total.flash, int(said[2]))):
        assert 0.95 * claimed < measured / 1024 <= claimed


@pytest.mark.parametrize("name", ["kernel", "kernel_unwired"])
@pytest.mark.parametrize("board", BOARDS)
def test_a_tick_ends_whatever_machine_code_of_a_capsule_it_finds_and_no_c(board, name) -> None:
    """Wherever the linker has put it: with what runs later, or with what runs while the board is wired only."""
    folder = ROOT / "build" / board
    kernel = folder / f"{name}.elf"
    symbols = Symbols.read(kernel)
    text = (folder / "frozen_content.c").read_text()
    native = re.findall(r"^// frozen native code for .*\nstatic const byte (\w+)\[", text, re.MULTILINE)
    there = [one for one in native if one in symbols]
    assert len(there) > 50
    assert (there == native) == (name == "kernel_unwired")

    machine = emulator(kernel)
    for variable, value in (("contain_running", 1), ("payer", 1)):  # capsule 1 runs, and has had its time
        machine.mem_write(symbols[variable].address, bytes([value]))
    machine.mem_write(symbols["spent"].address, b"\xff\xff")
    time_out = symbols["time_out"].address
    machine.mem_write(symbols["heap_watched"].address, struct.pack("<I", time_out))  # this is not its first tick
    machine.reg_write(arm.UC_ARM_REG_R9, symbols["kernel_python_state"].address)

    def goes_on_at(pc: int) -> int:
        machine.mem_write(FRAME, struct.pack("<8I", *[0] * 6, pc, 0x01000000))
        call(machine, symbols["contain_tick"].address, FRAME)
        return int(struct.unpack("<I", machine.mem_read(FRAME + 24, 4))[0])

    for one in there:
        symbol = symbols[one]
        for pc in (symbol.address + 4, symbol.address + symbol.size // 4 * 2):
            assert goes_on_at(pc) == symbols["raise_time_out"].address, one
    for one in ("mp_load_method", "mp_execute_bytecode", "contain_call", "wire_now"):
        if one in symbols:
            assert goes_on_at(symbols[one].address + 8) == symbols[one].address + 8, one


@pytest.mark.parametrize("board", BOARDS)
def test_no_segment_clears_what_another_one_loads(board) -> None:
    # A loader may clear what a segment has beyond its file, from where it loads: Renode's does.
    with (ROOT / "build" / board / "kernel.elf").open("rb") as file:
        loaded = sorted(
            (it["p_paddr"], it["p_memsz"]) for it in ELFFile(file).iter_segments("PT_LOAD") if it["p_memsz"]
        )
    assert all(start + size <= after for (start, size), (after, _) in pairwise(loaded))
