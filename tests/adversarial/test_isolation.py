"""No app reads, writes or executes what is not its own: every region, every way."""

import itertools
import re
from pathlib import Path

import pytest

from adder.board import ROOT
from adder.elf_to_tbf import Options, elf_to_tbf

FAULTY = ROOT / "build" / "apps" / "faulty.elf"

# Where things are in these tests: the witness `hello` is the first app, the prober the second.
REGIONS = {
    "kernel flash": 0x00000100,
    "kernel's own code": "process_fault",
    "kernel flash, last word": 0x0007FFFC,
    "below the RAM": 0x1FFFFFFC,
    "kernel stack": 0x20000000,
    "kernel data": 0x20002000,
    "state of the kernel's interpreter": "kernel_python_state",
    "process table": "processes",
    "heap of the kernel's Python": 0x20008000,
    "another app's RAM": "witness RAM",
    "another app's flash": 0x21000000,
    "flash behind the last app": 0x21040000,
    "storage": 0x21070000,
    "UART": 0x40004000,
    "timer": 0x40002000,
    "FPGA I/O": 0x40028000,
    "SysTick": 0xE000E010,
    "interrupt controller": 0xE000E100,
    "system control block": 0xE000ED08,
    "MPU": 0xE000ED94,
    "FPU control": 0xE000EF34,
    "unmapped": 0x90000000,
    "last word of all": 0xFFFFFFFC,
}


def prober(tmp_path: Path, argument: str) -> Path:
    """The app `faulty` with this argument."""
    path = tmp_path / "prober.tbf"
    path.write_bytes(elf_to_tbf(FAULTY.read_bytes(), Options(name="prober", argument=argument)).encode())
    return path


@pytest.mark.parametrize(("region", "way"), list(itertools.product(REGIONS, ("read", "write", "exec"))))
def test_what_is_not_its_own_is_out_of_an_apps_reach(simulation, kernel_symbols, tmp_path, region, way) -> None:
    address = REGIONS[region]
    if address == "witness RAM":
        # The processes' RAM begins behind the kernel's; the witness is the first.
        address = (kernel_symbols["_process_ram_start"].address) + 64
    elif isinstance(address, str):
        address = kernel_symbols[address].address
    with simulation("hello", prober(tmp_path, f"{way} 0x{address:08x}")) as board:
        board.expect(r"App: prober   -   \[Faulted\]", timeout=20)
        board.expect(r"app prober: restart in", timeout=20)
        # On a slow machine the report comes out later than what other apps print.
        if "hello: hello, 5 of 5" not in board.transcript:
            board.expect(r"hello: hello, 5 of 5", timeout=20)
        assert "was not stopped" not in board.transcript
        report = board.transcript[: board.transcript.index("App: prober")]
        assert re.search(r"(Data|Instruction) Access Violation|Bus Error|Invalid State", report), report


@pytest.mark.parametrize("what", ["kernel", "peripheral", "flash", "system", "nowhere", "edge", "fpedge"])
@pytest.mark.parametrize("how", ["", "-spin"])
def test_a_stack_pointer_where_no_frame_may_be_is_the_apps_fault(simulation, what, how) -> None:
    with simulation("hello", f"badstack-{what}{how}", "float") as board:
        board.expect(rf"App: badstack-{what}{how}   -   \[Faulted\]", timeout=20)
        board.expect(rf"app badstack-{what}{how}: restart in 200 ms", timeout=20)
        board.expect(r"hello: hello, 4 of 5", timeout=20)
        board.expect(r"float: \d+ rounds, no register lost", timeout=20)
        assert "kernel fault" not in board.transcript
